import type { Route } from "./change.ts";
import { siftChanges } from "./change-events.ts";
import type { Metrics } from "./metrics.ts";
import { openWriteTimes, type WriteTimes } from "./write-times.ts";

/** The route of the change topic. `restart` says that partitions were assigned anew. */
export function openChangeRoute(maxAheadMs: number, { unknownColumns }: Pick<Metrics, "unknownColumns">) {
  const partitions = new Map<number, WriteTimes>();
  const route: Route = async (messages, _, partition) => {
    const writeTimes = partitions.get(partition) ?? openWriteTimes();
    partitions.set(partition, writeTimes);
    const onUnknownColumn = (column: string) => unknownColumns.inc({ column });
    return siftChanges(messages, { writeTimes, now: Date.now(), maxAheadMs, onUnknownColumn });
  };
  return { route, restart: () => partitions.clear() };
}
