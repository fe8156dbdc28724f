import type { Doctor } from "../doctor.ts";
import { FindingList } from "../finding-list.tsx";
import { Time } from "../values.tsx";

/** What doctor found when it last looked, worst first, each with its cure. */
export function Findings({ doctor }: { doctor: Doctor }) {
  const last = doctor.latest();
  const failure = doctor.failure();
  return (
    <>
      <p class="faint">
        {last ? (
          <>
            Looked <Time at={last.atMs} ago />
            {doctor.isLooking() && ", looking again …"}
          </>
        ) : (
          doctor.isLooking() && "Looking …"
        )}
      </p>
      {failure !== undefined && <p class="bad">Doctor could not look: {failure}</p>}
      {last?.findings.length === 0 && <p class="good">Nothing found</p>}
      {last !== undefined && last.findings.length > 0 && <FindingList findings={last.findings} />}
    </>
  );
}
