import { types } from "cassandra-driver";
import type { Cassandra } from "../../runtime/cassandra.ts";

export interface Replicas {
  /** The addresses of a row's replicas, as one string; empty on a single node. */
  of(id: string): string;
  /** The routing key that sends a batch to the replicas of a row. The driver routes single writes itself. */
  routingKeyOf(id: string): Buffer;
}

export function openReplicas(cassandra: Cassandra, keyspace: string): Replicas {
  const isCluster = () => cassandra.hosts.length > 1;
  const keyOf = (id: string) => types.Uuid.fromString(id).getBuffer();
  return {
    of(id) {
      if (!isCluster()) return "";
      const replicas = cassandra.getReplicas(keyspace, keyOf(id)) ?? [];
      return replicas
        .map(({ address }) => address)
        .sort()
        .join(" ");
    },
    routingKeyOf: keyOf,
  };
}
