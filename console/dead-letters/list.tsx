import type { Child } from "hono/jsx";
import type { Followed, FollowedEntry } from "../../operations/dead-letters/follow.ts";
import { sumsOf } from "../../operations/dead-letters/groups.ts";
import { positionOf } from "../../operations/dead-letters/selection.ts";
import { meaningOf } from "../../operations/dead-letters/show.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { whereHref } from "../users/shown.tsx";
import { Count, Time } from "../values.tsx";
import { type Letters, pathOf } from "./letters.ts";

/** Which letters a page lists. */
export interface Listed {
  reason: string;
  topic?: string;
  state: "open" | "settled" | "all";
  /** From 1. */
  page: number;
}

const perPage = 50;

/** What is known of the letters now; if Kafka does not answer, as of the last look, and that is said. */
export async function withLog(letters: Letters, show: (log: Followed) => Child): Promise<Child> {
  try {
    return show(await letters.follower.look());
  } catch (error) {
    const last = letters.follower.last();
    return (
      <>
        <p role="alert">
          Kafka does not answer: {messageOf(error)}.{" "}
          {last && (
            <>
              Last seen <Time at={last.atMs} ago />:
            </>
          )}
        </p>
        {last && show(last.log)}
      </>
    );
  }
}

/** The letters by reason and topic. */
export const Summary = ({ log, topic }: { log: Followed; topic: string }) => {
  const sums = sumsOf(log.entries);
  if (sums.length === 0)
    return <p>{`There are no letters in ${topic}: every record could be stored, or nothing has failed yet.`}</p>;
  return (
    <>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th scope="col">Reason</th>
              {["Open", "Failed again", "Settled"].map((title) => (
                <th scope="col" class="number">
                  {title}
                </th>
              ))}
              <th scope="col">Topic</th>
              <th scope="col">First</th>
              <th scope="col">Last</th>
            </tr>
          </thead>
          <tbody>
            {sums.map(({ reason, topic: of, open, failedAgain, settled, firstMs, lastMs }) => (
              <tr>
                <td class="reason">
                  <a href={listPath({ reason, ...(of !== null && { topic: of }) })}>{reason}</a>
                  <div class="faint">{meaningOf(reason) ?? "not a reason of this pipeline"}</div>
                </td>
                <td class="number">
                  {open > 0 ? (
                    <span class="warn">
                      <Count of={open} />
                    </span>
                  ) : (
                    <Count of={0} />
                  )}
                </td>
                <td class="number">
                  <Count of={failedAgain} />
                </td>
                <td class="number">
                  <Count of={settled} />
                </td>
                <td class="topic">{of ?? "unknown"}</td>
                <td class="time">
                  <ShownTime ms={firstMs} />
                </td>
                <td class="time">
                  <ShownTime ms={lastMs} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {log.omitted > 0 && (
        <p class="faint">
          Of <Count of={log.omitted + log.entries.length} /> letters these are the newest{" "}
          <Count of={log.entries.length} />; <code>bun run dead-letters list</code> counts all.
        </p>
      )}
      {log.unreadableBatches > 0 && (
        <p class="bad">
          <Count of={log.unreadableBatches} /> batches of {topic} itself cannot be read
        </p>
      )}
    </>
  );
};

/** A foreign record's time may be impossible. */
export const ShownTime = ({ ms }: { ms: number }) =>
  Number.isNaN(new Date(ms).getTime()) ? <span>unknown</span> : <Time at={ms} />;

export const listPath = ({ reason, topic, state = "open", page = 1 }: Pick<Listed, "reason"> & Partial<Listed>) => {
  const query = new URLSearchParams({ reason, ...(topic !== undefined && { topic }) });
  if (state !== "open") query.set("state", state);
  if (page > 1) query.set("page", String(page));
  return `/dead-letters?${query}`;
};

/** The letters of a reason, the newest first. */
export const LetterList = ({ log, listed }: { log: Followed; listed: Listed }) => {
  const { state, page } = listed;
  const ofReason = log.entries.filter((entry) => isListed(entry, { ...listed, state: "all" })).reverse();
  const all = ofReason.filter((entry) => isListed(entry, listed)).sort((one, other) => other.writtenMs - one.writtenMs);
  const pages = Math.max(1, Math.ceil(all.length / perPage));
  const at = Math.min(page, pages);
  const shown = all.slice((at - 1) * perPage, at * perPage);
  const open = ofReason.filter(({ settlement }) => !settlement).length;
  const counts = { open, settled: ofReason.length - open, all: ofReason.length };
  return (
    <>
      <nav class="states" aria-label="State">
        {(["open", "settled", "all"] as const).map((one) => (
          <a href={listPath({ ...listed, state: one, page: 1 })} aria-current={one === state ? "page" : undefined}>
            {one} <Count of={counts[one]} />
          </a>
        ))}
      </nav>
      {shown.length === 0 ? (
        <p>No letter is {state === "all" ? "here" : state}.</p>
      ) : (
        <div class="wide">
          <table class="letters">
            <thead>
              <tr>
                <th scope="col">Letter</th>
                <th scope="col">Written</th>
                <th scope="col">What is wrong</th>
                <th scope="col">Whose</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((entry) => (
                <Row entry={entry} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {pages > 1 && (
        <nav class="pages" aria-label="Pages">
          {at > 1 && <a href={listPath({ ...listed, page: at - 1 })}>Newer</a>}
          <span>
            Page <Count of={at} /> of <Count of={pages} />
          </span>
          {at < pages && <a href={listPath({ ...listed, page: at + 1 })}>Older</a>}
        </nav>
      )}
    </>
  );
};

const isListed = ({ reason, origin, settlement }: FollowedEntry, { reason: wanted, topic, state }: Listed) =>
  reason === wanted &&
  (topic === undefined || origin?.topic === topic) &&
  (state === "all" || (state === "open") === !settlement);

const Row = ({ entry }: { entry: FollowedEntry }) => (
  <tr>
    <td class="time">
      <a href={pathOf(entry)}>{positionOf(entry)}</a>
    </td>
    <td class="time">
      <ShownTime ms={entry.writtenMs} />
    </td>
    <td class="detail">{entry.detail || "not said"}</td>
    <td class="time">{entry.id ? <a href={whereHref(entry.id)}>{entry.id}</a> : <span class="faint">unknown</span>}</td>
    <td>
      <State entry={entry} />
    </td>
  </tr>
);

const State = ({ entry: { settlement, replays } }: { entry: FollowedEntry }) => {
  if (settlement)
    return (
      <span class="good">
        {settlement.action} by {settlement.by}
      </span>
    );
  return <span class="warn">{replays > 0 ? `failed again, ${replays}×` : "open"}</span>;
};
