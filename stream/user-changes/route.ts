import type { Counter } from "prom-client";
import type { Note, Route } from "../change.ts";
import { siftChanges } from "./change-events.ts";
import { openWriteTimes, type WriteTimes } from "./write-times.ts";

interface Dependencies {
  maxAheadMs: number;
  ignoredColumns: readonly string[];
  note: Note;
  metrics: { unknownColumns: Pick<Counter<"column">, "inc"> };
}

/** The route of the change topic. Call `restart` on each assignment: reading resumes at the committed offsets. */
export function openUserChangesRoute({ maxAheadMs, ignoredColumns, note, metrics }: Dependencies) {
  const partitions = new Map<number, WriteTimes>();
  const onIgnoredColumn = (column: string) => metrics.unknownColumns.inc({ column });
  const route: Route = async (messages, _, partition) => {
    note(messages, partition);
    const writeTimes = partitions.get(partition) ?? openWriteTimes();
    partitions.set(partition, writeTimes);
    return siftChanges(messages, { writeTimes, now: Date.now(), maxAheadMs, ignoredColumns, onIgnoredColumn });
  };
  return { route, restart: () => partitions.clear() };
}
