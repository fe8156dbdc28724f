import { clusterOf, offsetsAt, readCommitted, readUncommitted, timestamps } from "../../runtime/kafka/cluster.ts";
import { neededTopics } from "../replicas.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const transactionsCheck: Check = { what: "open transactions", of: ["Kafka"], look: lookAtTransactions };

/** Kafka ends a transaction of Kafka Connect's after a minute at the latest. */
const openAtMostMs = 2 * 60_000;

/**
 * Transactions that stay open, with the records of each partition that nobody can read because of it. Kafka does not end
 * one whose producer has ended it while its partitions had no leader (KAFKA-20734).
 */
async function lookAtTransactions({ config, kafka, cures }: Clients): Promise<Finding[]> {
  const topics = neededTopics(config);
  const cluster = clusterOf(kafka);
  await cluster.connect();
  try {
    const readable = await offsetsAt(cluster, topics, { isolationLevel: readCommitted, timestamp: timestamps.end });
    const recent = await offsetsAt(cluster, topics, {
      isolationLevel: readUncommitted,
      timestamp: Date.now() - openAtMostMs,
    });
    const ends = await offsetsAt(cluster, topics, { isolationLevel: readUncommitted, timestamp: timestamps.end });
    return [...readable].flatMap(([topic, offsets]) =>
      [...offsets].flatMap(([partition, offset]): Finding[] => {
        const end = ends.get(topic)?.get(partition) ?? offset;
        const firstRecent = recent.get(topic)?.get(partition) ?? offset;
        const isOld = firstRecent < 0n || firstRecent > offset;
        if (offset >= end || !isOld) return [];
        return [
          {
            severity: "error",
            about: `topic ${topic}`,
            cause:
              `partition ${partition}: a transaction has been open for more than ${openAtMostMs / 60_000} minutes, so nothing ` +
              `from offset ${offset} on can be read (${end - offset} ${end - offset === 1n ? "offset" : "offsets"})` +
              (keepsConnectFromStarting(topic) ? ", and Kafka Connect does not start again" : ""),
            cure: `End it without what it wrote: ${cures.abortTransaction(topic, partition, offset)}. Then see what is missing: ${cures.operate("reconcile")}`,
            ...(keepsConnectFromStarting(topic) && { explains: ["Kafka Connect"] }),
          },
        ];
      }),
    );
  } finally {
    await cluster.disconnect();
  }
}

/** At its start Kafka Connect reads these to their ends. */
const keepsConnectFromStarting = (topic: string) => topic.startsWith("connect-");
