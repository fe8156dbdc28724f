import { idOf } from "../../stream/change.ts";
import { readChangeEvent } from "../../stream/user-changes/change-events.ts";
import type { LogPosition } from "../../stream/user-changes/write-times.ts";
import { rangeOf, readRange } from "../topic-log.ts";
import type { Dependencies } from "./rebuild.ts";

/** Two write times of one row, in microseconds. */
export interface Dated {
  live: number;
  rebuilt: number;
}

/** The write times that a change in PostgreSQL can have, both included. */
interface Span {
  first: number;
  last: number;
}

/**
 * Which of these rows are the same change, dated differently. A reader that starts inside a transaction adds the
 * position in it to a change's time, since an earlier change of the row may be unknown (stream/user-changes/write-times.ts):
 * the consumer after it was restarted there, or rebuild of a very large one.
 */
export async function readRedated(
  { kafka, admin, config }: Pick<Dependencies, "kafka" | "admin" | "config">,
  rows: ReadonlyMap<string, Dated>,
  stop: AbortSignal,
): Promise<Set<string>> {
  const redated = new Set<string>();
  if (rows.size === 0 || !config.cdc.apply) return redated;
  const spans = new Map<string, Span>();
  const range = await rangeOf(admin, [config.kafka.changeTopic]);
  await readRange(
    { kafka, admin },
    range,
    ({ messages }) => {
      for (const message of messages) {
        const event = readChangeEvent(message);
        if (event.kind !== "changed") continue;
        const id = event.change.kind === "delete" ? event.change.id : idOf({ ...event.change, writeTimeMicros: 0 });
        const dated = rows.get(id);
        if (!dated) continue;
        const span = spanAfter(spans.get(id), event.at);
        spans.set(id, span);
        if (isIn(span, dated.live) && isIn(span, dated.rebuilt)) redated.add(id);
      }
    },
    { isSkipped: () => true, stop },
  );
  return redated;
}

/** The write times of a row's change that follows another: by its commit, its position, or just after the other. Pure. */
export const spanAfter = (
  before: Span | undefined,
  { commitMicros, order }: Pick<LogPosition, "commitMicros" | "order">,
) => ({
  first: commitMicros,
  last: Math.max(commitMicros + order, before ? before.last + 1 : 0),
});

const isIn = ({ first, last }: Span, micros: number) => first <= micros && micros <= last;
