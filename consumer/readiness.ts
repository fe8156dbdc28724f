import type { Cassandra } from "../runtime/cassandra.ts";
import type { Progress } from "./progress.ts";

interface Dependencies {
  groupId: string;
  cassandra: Cassandra;
  progress: Progress;
  /** Why the topics and the table cannot be used as they are. */
  unfit: () => string[];
  /** Updates the lag. */
  refresh: () => Promise<void>;
}

/** The checks of `/readyz`: each returns what keeps records from being stored, a sentence each, or throws. */
export const readinessChecks = ({ groupId, cassandra, progress, unfit, refresh }: Dependencies) => ({
  membership: async () => (progress.isMember() ? [] : [`not a member of the consumer group ${groupId}`]),
  table: async () => unfit(),
  partitions: async () => progress.blocks(),
  Cassandra: async () => {
    await cassandra.execute("SELECT now() FROM system.local");
    return [];
  },
  Kafka: async () => {
    await refresh();
    return progress.stalled();
  },
});
