import { type PartitionLag, recordsBetween } from "../operations/lag.ts";
import type { Metrics } from "./metrics.ts";

/** This member's progress, for `/readyz` and the lag. */
export interface Progress {
  joined(assignment: Record<string, number[]>): void;
  left(): void;
  /** The group's coordinator acknowledged a heartbeat, which it only does for members. */
  heard(): void;
  /** `next` is the offset after the last processed record; `end` the offset after the last one in the log. */
  seen(topic: string, partition: number, offsets: { next?: string; end?: string }): void;
  /** A partition is blocked until it is seen past `lastOffset` or is assigned again. */
  blocked(topic: string, partition: number, at: Block): void;
  /** One sentence for each blocked partition. */
  blocks(): string[];
  /** Whether this is a member of the group whose session has not timed out. */
  isMember(): boolean;
  /** Updates the lag from Kafka. */
  refreshLag(lagsOf: (topic: string) => Promise<PartitionLag[]>): Promise<void>;
  /** One sentence for each partition that has had records to read for `stalledAfterMs` without advancing. */
  stalled(): string[];
}

/** Why a partition is blocked, and the last offset of the records it is blocked at. */
export interface Block {
  lastOffset: string;
  why: string;
}

interface Position {
  next?: bigint;
  end?: bigint;
  block?: Block;
  /** Since when there have been records to read without any being processed, in milliseconds since 1970. */
  waitingSinceMs?: number;
}

interface Options {
  metrics: Pick<Metrics, "lag">;
  sessionTimeoutMs: number;
  stalledAfterMs: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export function openProgress({ metrics, sessionTimeoutMs, stalledAfterMs, now = Date.now }: Options): Progress {
  const assigned = new Map<string, Map<number, Position>>();
  let isJoined = false;
  let heardAtMs = 0;

  function update(topic: string, partition: number, offsets: Offsets) {
    const position = assigned.get(topic)?.get(partition);
    const lag = position && move(position, offsets, now());
    if (lag !== undefined) metrics.lag.set({ topic, partition: String(partition) }, lag);
  }

  /** One sentence for each partition that `describe` has something to say about. */
  const sentences = (describe: (position: Position) => string | undefined) =>
    [...assigned].flatMap(([topic, partitions]) =>
      [...partitions].flatMap(([partition, position]) => {
        const sentence = describe(position);
        return sentence === undefined ? [] : [`topic ${topic}, partition ${partition}: ${sentence}`];
      }),
    );

  return {
    joined(assignment) {
      isJoined = true;
      heardAtMs = now();
      assigned.clear();
      metrics.lag.reset();
      for (const [topic, partitions] of Object.entries(assignment))
        assigned.set(topic, new Map(partitions.map((partition) => [partition, {}])));
    },
    left() {
      isJoined = false;
    },
    heard() {
      isJoined = true;
      heardAtMs = now();
    },
    seen(topic, partition, { next, end }) {
      update(topic, partition, {
        ...(next !== undefined && { next: BigInt(next) }),
        ...(end !== undefined && { end: BigInt(end) }),
      });
    },
    blocked(topic, partition, block) {
      const position = assigned.get(topic)?.get(partition);
      if (position) position.block = block;
    },
    blocks: () => sentences(({ block }) => block?.why),
    isMember: () => isJoined && now() - heardAtMs < sessionTimeoutMs,
    async refreshLag(lagsOf) {
      for (const [topic, partitions] of assigned)
        for (const { partition, next, end } of await lagsOf(topic)) {
          const known = partitions.get(partition)?.next;
          update(topic, partition, { end, ...((known === undefined || known < next) && { next }) });
        }
    },
    stalled: () =>
      sentences(({ next, end, block, waitingSinceMs }) => {
        if (block || waitingSinceMs === undefined || now() - waitingSinceMs < stalledAfterMs) return undefined;
        const since = new Date(waitingSinceMs).toISOString();
        return `stuck at offset ${next} since ${since}, and the log ends at ${end}`;
      }),
  };
}

type Offsets = Pick<Position, "next" | "end">;

/** Moves a position to new offsets and returns its lag, or undefined while that is unknown. */
function move(position: Position, { next, end }: Offsets, nowMs: number): number | undefined {
  const hasAdvanced = next !== undefined && next !== position.next;
  if (next !== undefined) position.next = next;
  if (end !== undefined) position.end = end;
  if (position.block && position.next !== undefined && position.next > BigInt(position.block.lastOffset))
    delete position.block;
  if (position.next === undefined || position.end === undefined) return undefined;
  const lag = recordsBetween(position.next, position.end);
  if (lag === 0) position.waitingSinceMs = undefined;
  else if (hasAdvanced || position.waitingSinceMs === undefined) position.waitingSinceMs = nowMs;
  return lag;
}
