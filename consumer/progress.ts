import { type PartitionLag, recordsBetween } from "../runtime/lag.ts";
import type { Metrics } from "./metrics.ts";

/** How far this member has come, for `/readyz` and the lag. */
export interface Progress {
  joined(assignment: Record<string, number[]>): void;
  left(): void;
  /** The group's coordinator answered a heartbeat. */
  heard(): void;
  /** `next` is the offset after the last record that is done with; `end` that after the last one in the log. */
  seen(topic: string, partition: number, offsets: { next?: string; end?: string }): void;
  /** A partition waits at what ends at `lastOffset`, until it is seen beyond that or assigned anew. */
  blocked(topic: string, partition: number, at: Block): void;
  /** One sentence for each partition that waits. */
  blocks(): string[];
  /** Whether this is a member of the group that the group still hears. */
  isMember(): boolean;
  /** Brings the lag up to date with what Kafka says now. */
  refreshLag(lagsOf: (topic: string) => Promise<PartitionLag[]>): Promise<void>;
}

interface Block {
  lastOffset: string;
  why: string;
}

interface Position {
  next?: bigint;
  end?: bigint;
  block?: Block;
}

export function openProgress({ lag }: Pick<Metrics, "lag">, sessionTimeoutMs: number): Progress {
  const assigned = new Map<string, Map<number, Position>>();
  let isJoined = false;
  let heardAtMs = 0;

  const show = (topic: string, partition: number, { next, end }: Position) => {
    if (next === undefined || end === undefined) return;
    lag.set({ topic, partition: String(partition) }, recordsBetween(next, end));
  };

  return {
    joined(assignment) {
      isJoined = true;
      heardAtMs = Date.now();
      assigned.clear();
      lag.reset();
      for (const [topic, partitions] of Object.entries(assignment))
        assigned.set(topic, new Map(partitions.map((partition) => [partition, {}])));
    },
    left() {
      isJoined = false;
    },
    heard() {
      heardAtMs = Date.now();
    },
    seen(topic, partition, { next, end }) {
      const position = assigned.get(topic)?.get(partition);
      if (!position) return;
      if (next !== undefined) position.next = BigInt(next);
      if (end !== undefined) position.end = BigInt(end);
      if (position.block && position.next !== undefined && position.next > BigInt(position.block.lastOffset))
        delete position.block;
      show(topic, partition, position);
    },
    blocked(topic, partition, block) {
      const position = assigned.get(topic)?.get(partition);
      if (position) position.block = block;
    },
    blocks: () =>
      [...assigned].flatMap(([topic, partitions]) =>
        [...partitions].flatMap(([partition, { block }]) =>
          block ? [`topic ${topic}, partition ${partition}: ${block.why}`] : [],
        ),
      ),
    isMember: () => isJoined && Date.now() - heardAtMs < sessionTimeoutMs,
    async refreshLag(lagsOf) {
      for (const [topic, partitions] of assigned)
        for (const { partition, next, end } of await lagsOf(topic)) {
          const position = partitions.get(partition);
          if (!position) continue;
          position.end = end;
          if (position.next === undefined || position.next < next) position.next = next;
          show(topic, partition, position);
        }
    },
  };
}
