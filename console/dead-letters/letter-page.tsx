import type { Child } from "hono/jsx";
import type { Decoded } from "../../operations/dead-letters/decode.ts";
import { dumpOf } from "../../operations/dead-letters/decode.ts";
import type { Followed } from "../../operations/dead-letters/follow.ts";
import { type Letter, readable } from "../../operations/dead-letters/letter.ts";
import { outcomeOf } from "../../operations/dead-letters/outcome.ts";
import { positionOf } from "../../operations/dead-letters/selection.ts";
import { type Settlement, settlementKey } from "../../operations/dead-letters/settlement.ts";
import { whereHref } from "../users/shown.tsx";
import { Time } from "../values.tsx";
import type { Letters, Opened } from "./letters.ts";
import { ShownTime } from "./list.tsx";

/** What there is to say about a letter besides its record. */
export const About = ({ opened: { letter, shown, record }, id }: { opened: Opened; id: string | undefined }) => {
  const faulty = shown.rule?.split(":", 1)[0];
  const { origin, lastOffset, producedMs, replays, because } = letter;
  const rows: [string, Child][] = [
    ["Reason", shown.meaning ? `${shown.reason}: ${shown.meaning}` : shown.reason],
    ["Detail", shown.detail || "The letter does not say more."],
    [
      "Record",
      origin ? (
        <>
          {`${origin.topic}, partition ${origin.partition}, offset ${origin.offset}${lastOffset === null ? "" : ` to ${lastOffset}`}`}
          {producedMs !== null && (
            <>
              , produced <ShownTime ms={producedMs} />
            </>
          )}
        </>
      ) : (
        "The letter does not say where it comes from."
      ),
    ],
    ["Written", <ShownTime ms={letter.writtenMs} />],
    ...(replays > 0
      ? [["Replayed", `${replays} ${replays === 1 ? "time" : "times"}, and failed again`] as [string, Child]]
      : []),
    ...(because ? [["Skipped because", because] as [string, Child]] : []),
    ["Whose", id ? <a href={whereHref(id)}>{`Where is ${id}?`}</a> : "Its key has no id."],
    [
      "What to do",
      record && faulty ? `Give ${faulty} another value below, and replay it.` : <Marked text={shown.advice} />,
    ],
  ];
  return (
    <dl class="about">
      {rows.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
};

/** Text in which `…` are commands. */
const Marked = ({ text }: { text: string }) => (
  <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part))}</>
);

/** What was done about the letter, and what became of its record. */
export async function stateOf(letters: Letters, { letter }: Opened): Promise<Child> {
  const log = await letters.follower.look();
  const settlement = settlementIn(log, letter);
  if (!settlement)
    return isKept(log, settlementKey(letter)) ? (
      <p>
        <span class="warn">open</span>: nothing was done about it yet
      </p>
    ) : (
      <p>
        <span class="warn">not known here</span>: it is older than the letters that the console keeps;{" "}
        <code>bun run dead-letters show {positionOf(letter)}</code> says what was done about it
      </p>
    );
  return (
    <>
      <Settled settlement={settlement} />
      {settlement.to && (
        <Became
          outcome={await outcomeOf({ ...(await letters.dependencies()), look: letters.follower.look }, settlement.to)}
        />
      )}
    </>
  );
}

/** The same as of the last look, for a page that does not wait for Kafka; what became of the record is left out. */
export function lastStateOf(letters: Letters, { letter }: Opened): Child {
  const settlement = settlementIn(letters.follower.last()?.log, letter);
  return settlement ? <Settled settlement={settlement} /> : <p class="faint">Looking what was done about it …</p>;
}

/** What was done about a letter, as far as it is known. */
export function settlementIn(log: Followed | undefined, letter: Letter): Settlement | undefined {
  const key = settlementKey(letter);
  return log?.entries.find((entry) => entry.key === key)?.settlement;
}

const isKept = ({ entries, omitted }: Followed, key: string) =>
  omitted === 0 || entries.some((entry) => entry.key === key);

const Settled = ({ settlement: { action, by, at, because, to, set } }: { settlement: Settlement }) => (
  <p>
    <span class="good">{action}</span> by {readable(by)} at <Time at={at} />
    {set && set.length > 0 && `, with another ${set.map(readable).join(", ")}`}
    {to && `, to ${readable(to.topic)}, partition ${to.partition}, offset ${readable(to.offset)}`}
    {because !== undefined && `, because: ${readable(because)}`}
  </p>
);

const Became = ({ outcome }: { outcome: Awaited<ReturnType<typeof outcomeOf>> }) => {
  switch (outcome.state) {
    case "stored":
      return (
        <p>
          <span class="good">stored</span>: the consumer has applied the record
        </p>
      );
    case "failed again":
      return (
        <p>
          <span class="bad">failed again</span>: its new letter is{" "}
          <a href={`/dead-letters/${outcome.letter}`}>{outcome.letter}</a>
        </p>
      );
    case "waiting":
      return (
        <p>
          <span class="warn">on its way</span>:{" "}
          {outcome.hasConsumer
            ? `the consumer has ${outcome.before === 0 ? "no record" : outcome.before} to read before it`
            : "no consumer is running"}
        </p>
      );
  }
};

const maxDumpBytes = 2_048;

/** Key, value and headers as they are. */
export const Raw = ({ opened: { letter, shown } }: { opened: Opened }) => (
  <>
    <h2>Bytes</h2>
    <Dump name="Key" bytes={letter.message.key} />
    <Dump name="Value" bytes={letter.message.value} />
    <h2>Headers</h2>
    {shown.headers.length === 0 ? (
      <p>It has none.</p>
    ) : (
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {shown.headers.map(({ name, value }) => (
              <tr>
                <td>{readable(name)}</td>
                <td>{textOfHeader(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </>
);

const Dump = ({ name, bytes }: { name: string; bytes: Buffer | null }) => (
  <details>
    <summary>
      {bytes === null ? `${name}: none` : `${name}: ${bytes.length} bytes`}
      {bytes !== null && bytes.length > maxDumpBytes && `, of which the first ${maxDumpBytes} are shown`}
    </summary>
    {bytes !== null && (
      <pre class="dump" tabindex={0}>
        {dumpOf(bytes.subarray(0, maxDumpBytes))}
      </pre>
    )}
  </details>
);

function textOfHeader(value: Decoded): string {
  switch (value.format) {
    case "none":
      return "none";
    case "bytes":
      return `${value.length} bytes: ${value.dump.slice(6, 53).trim()}${value.length > 16 ? " …" : ""}`;
    case "text":
      return value.value;
    default:
      return readable(JSON.stringify(value.value));
  }
}

/** A value that has no fields which could be repaired. */
export const Value = ({ opened: { shown, whyNoFields } }: { opened: Opened }) => {
  const { value } = shown;
  return (
    <>
      <h2>Record</h2>
      <p class="faint">{readable(whyNoFields ?? "")}</p>
      {value.format === "text" && <pre>{value.value}</pre>}
      {(value.format === "Avro" || value.format === "JSON") && <pre>{printed(value.value)}</pre>}
      {value.format === "bytes" && <p>{readable(value.why)}</p>}
    </>
  );
};

const printed = (value: unknown) =>
  JSON.stringify(value, null, 2)
    .split("\n")
    .map((line) => readable(line))
    .join("\n");
