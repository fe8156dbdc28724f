import { plural } from "../../contract/entity.ts";
import type { Repair } from "../../operations/reconcile/repair.ts";
import { faulty, meanings, outcomes, type ReportedFinding } from "../../operations/reconcile/report.ts";
import { type Verdict, verdicts } from "../../operations/reconcile/verdict.ts";
import { whereHref } from "../users/shown.tsx";
import { Count, Time } from "../values.tsx";
import type { Kept } from "./comparisons.ts";
import { scopeText } from "./running-shown.tsx";

/** A report, and what came of its repairs. */
export const ReportShown = ({ kept: { report, scope, tookMs, repaired }, isBusy }: { kept: Kept; isBusy: boolean }) => {
  const { users, counts, faults, findings, found, notes, readAt } = report;
  const repairable = findings.filter(({ id, repair }) => repair.action !== "none" && !(id in repaired));
  return (
    <>
      <h2>Last report</h2>
      <p>
        <span class={faults > 0 ? "bad" : "good"}>
          {faults > 0 ? `something is wrong with ${faults}` : "nothing is wrong"}
        </span>
        {" · "}
        <Count of={users} /> {plural} compared, {scopeText(scope)}, as of <Time at={readAt} />, in{" "}
        {(tookMs / 1_000).toFixed(1)} s
      </p>
      <Counts counts={counts} />
      {notes.length > 0 && (
        <ul>
          {notes.map((note) => (
            <li>{note}.</li>
          ))}
        </ul>
      )}
      {findings.length > 0 && (
        <>
          <h2>Findings</h2>
          {found > findings.length && (
            <p>
              The worst <Count of={findings.length} /> of <Count of={found} />; <code>bun run reconcile --all</code>{" "}
              lists them all.
            </p>
          )}
          {repairable.length > 1 && (
            <form method="post" action="/reconcile/repair">
              <button type="submit" name="id" value="all" disabled={isBusy}>
                Repair all that can be repaired
              </button>
            </form>
          )}
          {findings.map((finding) => (
            <FindingShown finding={finding} came={repaired[finding.id]} isBusy={isBusy} />
          ))}
        </>
      )}
    </>
  );
};

const Counts = ({ counts }: { counts: Record<Verdict, number> }) => (
  <div class="wide">
    <table class="verdicts">
      <thead>
        <tr>
          <th scope="col">Verdict</th>
          <th scope="col" class="number">
            {plural}
          </th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {verdicts
          .toReversed()
          .filter((verdict) => counts[verdict] > 0 || faulty.has(verdict))
          .map((verdict) => (
            <tr>
              <th scope="row">
                <span class={counts[verdict] > 0 ? toneOf(verdict) : "faint"}>{verdict}</span>
              </th>
              <td class="number">
                <Count of={counts[verdict]} />
              </td>
              <td class="faint">{meanings[verdict]}</td>
            </tr>
          ))}
      </tbody>
    </table>
  </div>
);

const toneOf = (verdict: Verdict) => (faulty.has(verdict) ? "bad" : verdict === "equal" ? "good" : "warn");

const FindingShown = ({
  finding: { id, verdict, explanation, record, fields, repair },
  came,
  isBusy,
}: {
  finding: ReportedFinding;
  came: Kept["repaired"][string] | undefined;
  isBusy: boolean;
}) => (
  <section class="finding">
    <h3>
      <span class={toneOf(verdict)}>{verdict}</span> <a href={whereHref(id)}>{id}</a>
    </h3>
    <p>
      <Explanation text={explanation} />
      {record && (
        <span class="faint">{` · ${record.topic}, partition ${record.partition}, offset ${record.offset}`}</span>
      )}
    </p>
    {fields.length > 0 && (
      <table class="differences">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Expected</th>
            <th scope="col">Found</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(({ field, expected, found }) => (
            <tr>
              <th scope="row">{field}</th>
              <td>{shown(expected)}</td>
              <td>{shown(found)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
    {came ? (
      <p>
        <span class={tones[came.outcome]}>{outcomes[came.outcome]}</span>: {came.explanation}
      </p>
    ) : repair.action === "none" ? (
      <p class="faint">{`${outcomes.none}: ${repair.explanation}`}</p>
    ) : (
      <form method="post" action="/reconcile/repair" class="repair-one">
        <button type="submit" name="id" value={id} disabled={isBusy}>
          Repair
        </button>
        <span>{repair.explanation}</span>
      </form>
    )}
  </section>
);

/** A dead letter in it leads to its page. */
const Explanation = ({ text }: { text: string }) => {
  const [, before, letter, after] = /^(.*dead letter )(\d+:\d+)(.*)$/s.exec(text) ?? [];
  if (letter === undefined) return <>{text}</>;
  return (
    <>
      {before}
      <a href={`/dead-letters/${letter}`}>{letter}</a>
      {after}
    </>
  );
};

const tones: Record<Repair["outcome"], string> = {
  planned: "warn",
  repaired: "good",
  sent: "warn",
  failed: "bad",
  none: "faint",
};

const shown = (value: unknown) => (typeof value === "string" ? value || "empty" : JSON.stringify(value));
