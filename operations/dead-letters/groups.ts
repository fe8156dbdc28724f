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

/** Letters of one reason and topic, of any time. */
export interface Sum extends Omit<Group, "time"> {
  /** When the first and the last were written, in milliseconds since 1970. */
  firstMs: number;
  lastMs: number;
}

/** Sums letters up by reason and topic: the most open ones first. Pure. */
export function sumsOf(entries: readonly Entry[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const entry of entries) {
    const { reason, origin, writtenMs } = entry;
    const topic = origin?.topic ?? null;
    const key = `${topic} ${reason}`;
    const known = sums.get(key);
    const sum = known ?? { reason, topic, open: 0, settled: 0, failedAgain: 0, firstMs: writtenMs, lastMs: writtenMs };
    if (!known) sums.set(key, sum);
    count(sum, entry);
    sum.firstMs = Math.min(sum.firstMs, writtenMs);
    sum.lastMs = Math.max(sum.lastMs, writtenMs);
  }
  return [...sums.values()].sort((one, other) => other.open - one.open || other.lastMs - one.lastMs);
}

function count(into: Pick<Group, "open" | "settled" | "failedAgain">, { settlement, replays }: Entry) {
  if (settlement) into.settled++;
  else into.open++;
  if (!settlement && replays > 0) into.failedAgain++;
}

/** Groups letters by reason, topic and time: the newest time first, then the largest group. Pure. */
export function groupsOf(entries: readonly Entry[], period: Period): Group[] {
  const groups = new Map<string, Group>();
  for (const entry of entries) {
    const { reason, origin, writtenMs } = entry;
    const topic = origin?.topic ?? null;
    const time = timeOf(writtenMs, period);
    const key = JSON.stringify([reason, topic, time]);
    const group = groups.get(key) ?? { reason, topic, time, open: 0, settled: 0, failedAgain: 0 };
    groups.set(key, group);
    count(group, entry);
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
