import type { Entry } from "./letter-log.ts";

/** The length of a group's time, in UTC. */
export type Period = "day" | "hour";

/** Letters of one reason, topic and time. */
export interface Group {
  reason: string;
  /** The topic of the originals, null if the letters do not say. */
  topic: string | null;
  /** When they were written: `2026-11-28`, or `2026-11-28T04`, in UTC. */
  time: string;
  open: number;
  settled: number;
  /** Those of the open ones whose record had been replayed. */
  failedAgain: number;
}

/** The number of open letters of each reason. Pure. */
export function openByReason(entries: readonly Entry[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { reason, settlement } of entries) if (!settlement) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Groups letters by reason, topic and time: the newest time first, then the largest group. Pure. */
export function groupsOf(entries: readonly Entry[], period: Period): Group[] {
  const groups = new Map<string, Group>();
  for (const { reason, origin, writtenMs, settlement, replays } of entries) {
    const topic = origin?.topic ?? null;
    const time = timeOf(writtenMs, period);
    const key = JSON.stringify([reason, topic, time]);
    const group = groups.get(key) ?? { reason, topic, time, open: 0, settled: 0, failedAgain: 0 };
    groups.set(key, group);
    if (settlement) group.settled++;
    else group.open++;
    if (!settlement && replays > 0) group.failedAgain++;
  }
  const isBefore = (one: Group, other: Group) =>
    one.time === other.time ? one.open + one.settled > other.open + other.settled : one.time > other.time;
  return [...groups.values()].sort((one, other) => (isBefore(one, other) ? -1 : isBefore(other, one) ? 1 : 0));
}

/** A foreign record's time may be impossible. */
function timeOf(writtenMs: number, period: Period): string {
  const time = new Date(writtenMs);
  return Number.isNaN(time.getTime()) ? "unknown" : time.toISOString().slice(0, period === "day" ? 10 : 13);
}
