import type { Finding } from "../../operations/doctor/finding.ts";
import type { Doctor } from "../doctor.ts";
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
      {last !== undefined && last.findings.length > 0 && (
        <ul class="findings">
          {last.findings.map((finding) => (
            <One {...finding} />
          ))}
        </ul>
      )}
    </>
  );
}

const One = ({ severity, about, cause, cure }: Finding) => (
  <li>
    <p>
      <span class={severity === "error" ? "bad" : "warn"}>{severity}</span> <strong>{about}</strong>
    </p>
    <p>{sentence(cause)}</p>
    <p>
      <WithCommands text={sentence(cure)} />
    </p>
  </li>
);

/** A text in which commands stand between backticks. */
const WithCommands = ({ text }: { text: string }) => (
  <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part))}</>
);

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
