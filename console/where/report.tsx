import type { Child } from "hono/jsx";
import { idField, singular, timeField } from "../../contract/entity.ts";
import { fields, type User } from "../../contract/user.ts";
import type { Content } from "../../operations/where/records.ts";
import type { Entry, State } from "../../operations/where/timeline.ts";
import { lookedTexts } from "../../operations/where/topic-search.ts";
import type { Report } from "../../operations/where/where.ts";
import { runHref } from "../runs/states.tsx";
import { titleOf } from "../users/shown.tsx";
import { Count, Time } from "../values.tsx";

/** What happened to a user, top to bottom, what the stores have now, and what is missing. */
export const ReportView = ({ of: { id, isFound, history, now, missing, looked, away } }: { of: Report }) => (
  <section>
    <h2>
      {titleOf(singular)} <span class="id">{id}</span>
    </h2>
    {!isFound && <p>{away.length === 0 ? "Not found." : "Not found in what answers."}</p>}
    {away.map(({ service, why }) => (
      <p class="bad">
        {service} does not answer: {why}
      </p>
    ))}
    {history.length > 0 && (
      <ol class="timeline">
        {history.map((entry) => (
          <Event of={entry} />
        ))}
      </ol>
    )}
    {missing.length > 0 && (
      <>
        <h3>Missing</h3>
        <ul class="plain">
          {missing.map(({ stage, why }) => (
            <li>
              <span class="warn">{stage}</span>: {why}
            </li>
          ))}
        </ul>
      </>
    )}
    {now.length > 0 && <Now states={now} />}
    {looked.length > 0 && (
      <details>
        <summary class="faint">What was read of the topics</summary>
        <ul>
          {lookedTexts(looked).map((text) => (
            <li>{text}</li>
          ))}
        </ul>
      </details>
    )}
  </section>
);

const isWrong = ({ stage }: Entry) => stage === "dead letter" || stage === "rejected";

/** By which an entry stays the same one, open or not, while others come before it. */
const idOf = ({ stage, place, facts: { run = "" } }: Entry) => `${stage} ${run} ${place}`.replaceAll(/\s+/g, "-");

const Event = ({ of }: { of: Entry }) => {
  const { atMicros, stage, detail, record } = of;
  return (
    <li id={idOf(of)} class={isWrong(of) ? "wrong" : undefined}>
      <Time at={Math.floor(atMicros / 1_000)} precise />
      <strong>{stage}</strong>
      <span class="place">
        <Place of={of} />
      </span>
      <span class="what">
        <Detail text={detail} besideMs={atMicros / 1_000} />
      </span>
      {record && <RecordView of={record} schemaId={of.facts.schemaId} />}
    </li>
  );
};

/** In UTC, without the date if it is the day of the event; the timeline writes them after these words. */
const timesInText = /(?<=\b(?:as of|row of|written) )(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d\.\d{3})(\d{3})?/g;

/** A text of the timeline, with its times as the reader's. */
function Detail({ text, besideMs = 0 }: { text: string; besideMs?: number }) {
  const parts: Child[] = [];
  let next = 0;
  for (const match of text.matchAll(timesInText)) {
    const [all, date = new Date(besideMs).toISOString().slice(0, 10), time, micros] = match;
    parts.push(
      text.slice(next, match.index),
      <Time at={`${date}T${time}Z`} precise />,
      micros && ` + ${Number(micros)} µs`,
    );
    next = match.index + all.length;
  }
  return (
    <bdi>
      {parts}
      {text.slice(next)}
    </bdi>
  );
}

/** Where it happened, leading to the run or the dead letter. */
const Place = ({ of: { stage, place, facts } }: { of: Entry }) => {
  const { run, partition, offset } = facts;
  if (typeof run === "string") return <a href={runHref(run)}>{place}</a>;
  if (stage === "dead letter") return <a href={`/dead-letters/${partition}:${offset}`}>{place}</a>;
  return <>{place}</>;
};

/** The decoded record beside its bytes. */
const RecordView = ({ of, schemaId }: { of: Content; schemaId: unknown }) => (
  <details>
    <summary class="faint">
      record of <Count of={of.bytes} /> bytes
    </summary>
    <div class="beside">
      <div>
        <h4>Decoded</h4>
        <pre>{of.decoded === null ? "–" : JSON.stringify(of.decoded, null, 2)}</pre>
      </div>
      <div>
        <h4>Bytes{schemaId === undefined ? "" : `: 00, schema ${schemaId} in four bytes, then Avro`}</h4>
        <pre>{of.value === null ? "none" : hexOf(of)}</pre>
        {of.key !== null && (
          <>
            <h4>Key</h4>
            <pre>{of.key}</pre>
          </>
        )}
      </div>
    </div>
  </details>
);

const maxHexBytes = 4_096;

function hexOf({ value, bytes }: Content): string {
  const shown = Buffer.from(value ?? "", "base64").subarray(0, maxHexBytes);
  const hex = (shown.toString("hex").match(/../g) ?? []).join(" ");
  return shown.length < bytes ? `${hex} … ${bytes - shown.length} more` : hex;
}

/** The row in each store, field by field, with the time at which Cassandra has written it. */
function Now({ states }: { states: readonly State[] }) {
  const rows = states.map(({ store, facts }) => ({ store, row: facts.row as Record<string, unknown> & User }));
  const times = states.find(({ facts }) => facts.writeTimesMicros)?.facts.writeTimesMicros as
    | Record<string, number>
    | undefined;
  return (
    <>
      <h3>Now</h3>
      <ul class="plain">
        {states.map(({ store, detail }) => (
          <li>
            <strong>{store}</strong>: <Detail text={detail} />
          </li>
        ))}
      </ul>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              {rows.map(({ store }) => (
                <th scope="col">{store}</th>
              ))}
              {times && <th scope="col">Written in Cassandra</th>}
            </tr>
          </thead>
          <tbody>
            {fields.map(({ name }) => (
              <tr>
                <th scope="row">{name}</th>
                {rows.map(({ row }) => (
                  <td>
                    <Value
                      of={row[name]}
                      differs={name !== timeField && rows.some((other) => !Bun.deepEquals(other.row[name], row[name]))}
                    />
                  </td>
                ))}
                {times && <td>{name !== idField && times[name] !== undefined && <Micros at={times[name]} />}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

const Value = ({ of, differs }: { of: unknown; differs: boolean }) => {
  const text = typeof of === "string" ? of : JSON.stringify(of);
  return (
    <span class={differs ? "warn" : of === null ? "faint" : undefined}>
      <bdi>{text}</bdi>
    </span>
  );
};

/** A write time, in milliseconds and the microseconds beyond them. */
const Micros = ({ at }: { at: number }) => (
  <>
    <Time at={Math.floor(at / 1_000)} precise />
    {at % 1_000 !== 0 && <span class="faint"> + {at % 1_000} µs</span>}
  </>
);
