import type { Look } from "../../operations/flow/look.ts";
import { boundOf, type Histogram, since } from "../../operations/prometheus.ts";

/** What a sample has, in the order in which it is kept and sent. */
export const columns = [
  "atMs",
  "writtenPerSecond",
  "readPerSecond",
  "unread",
  "waitsSeconds",
  "readable50",
  "readable99",
  "committed50",
  "committed99",
  "letters",
] as const;
type Column = (typeof columns)[number];

/**
 * A few seconds of the pipeline; null is what was not known. Records a second that were written to the topics and that the
 * consumer's group got past, records that it had not, how long the oldest of them had waited, bounds in seconds within
 * which half and 99 % were readable after they were produced or committed in PostgreSQL, and dead letters in the topic.
 */
export type Sample = Record<Exclude<Column, "atMs">, number | null> & { atMs: number };

/** What happened between two looks. Pure. */
export function sampleOf(before: Look | undefined, now: Look, deadLetterTopic: string): Sample {
  const consumed = consumedIn(now);
  const seconds = before ? (now.atMs - before.atMs) / 1_000 : 0;
  const rate = (of: "written" | "read") => {
    const [earlier, later] = [before && sumOf(consumedIn(before), of), sumOf(consumed, of)];
    if (earlier === undefined || later === undefined || later < earlier || seconds <= 0) return null;
    return rounded((later - earlier) / seconds);
  };
  const oldest = consumed?.flatMap(({ oldestUnreadMs }) => oldestUnreadMs ?? []) ?? [];
  const unread = sumOf(consumed, "unread") ?? null;
  const readable = between(before?.consumer?.readable, now.consumer?.readable);
  const committed = between(before?.consumer?.committedReadable, now.consumer?.committedReadable);
  return {
    atMs: now.atMs,
    writtenPerSecond: rate("written"),
    readPerSecond: rate("read"),
    unread,
    waitsSeconds:
      unread === 0 ? 0 : oldest.length > 0 ? rounded(Math.max(0, now.atMs - Math.min(...oldest)) / 1_000) : null,
    readable50: within(readable, 0.5),
    readable99: within(readable, 0.99),
    committed50: within(committed, 0.5),
    committed99: within(committed, 0.99),
    letters: now.topics?.get(deadLetterTopic)?.records ?? null,
  };
}

const consumedIn = ({ topics }: Look) => topics && [...topics.values()].filter(({ read }) => read !== undefined);

const sumOf = (topics: ReturnType<typeof consumedIn>, of: "written" | "read" | "unread") =>
  topics?.reduce((sum, each) => sum + (each[of] ?? 0), 0);

/** The observations between two readings. A consumer that has started since has only those after its start. */
function between(before: Histogram | undefined, after: Histogram | undefined): Histogram | undefined {
  if (!before || !after) return undefined;
  return after.count < before.count ? after : since(before, after);
}

/** The bound within which a share of the observations is: that of its bucket, or the largest there is. */
function within(histogram: Histogram | undefined, share: number): number | null {
  const bound = histogram && boundOf(histogram, share);
  if (!histogram || bound === undefined) return null;
  return Number.isFinite(bound) ? bound : Math.max(...[...histogram.buckets.keys()].filter(Number.isFinite));
}

const rounded = (value: number) => Math.round(value * 1_000) / 1_000;
