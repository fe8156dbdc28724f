import type { Metrics } from "./metrics.ts";

/** What Kafka knows of a topic's partitions; offsets as decimal text. */
export interface Offsets {
  /** The offset after the last record. */
  ends: (topic: string) => Promise<{ partition: number; offset: string }[]>;
  /** The offset that the group reads next; negative where it has committed none. */
  committed: (topic: string) => Promise<{ partition: number; offset: string }[]>;
}

/** How far this member has come, for `/readyz` and the lag. */
export interface Progress {
  joined(assignment: Record<string, number[]>): void;
  left(): void;
  /** The group's coordinator answered a heartbeat. */
  heard(): void;
  /** `next` is the offset after the last record that is done with; `end` that after the last one in the log. */
  seen(topic: string, partition: number, offsets: { next?: string; end?: string }): void;
  /** Whether this is a member of the group that the group still hears. */
  isMember(): boolean;
  /** Brings the lag up to date with what Kafka says now. */
  refreshLag(offsets: Offsets): Promise<void>;
}

interface Position {
  next?: bigint;
  end?: bigint;
}

export function openProgress({ lag }: Pick<Metrics, "lag">, sessionTimeoutMs: number): Progress {
  const assigned = new Map<string, Map<number, Position>>();
  let isJoined = false;
  let heardAtMs = 0;

  const show = (topic: string, partition: number, { next, end }: Position) => {
    if (next === undefined || end === undefined) return;
    lag.set({ topic, partition: String(partition) }, Math.max(0, Number(end - next)));
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
      show(topic, partition, position);
    },
    isMember: () => isJoined && Date.now() - heardAtMs < sessionTimeoutMs,
    async refreshLag(offsets) {
      for (const [topic, partitions] of assigned) {
        const [ends, commits] = await Promise.all([offsets.ends(topic), offsets.committed(topic)]);
        for (const [partition, position] of partitions) {
          const end = ends.find((entry) => entry.partition === partition);
          const next = commits.find((entry) => entry.partition === partition);
          if (end) position.end = BigInt(end.offset);
          const committed = BigInt(Math.max(0, Number(next?.offset ?? 0)));
          if (position.next === undefined || position.next < committed) position.next = committed;
          show(topic, partition, position);
        }
      }
    },
  };
}
