import pLimit from "p-limit";
import type { Counter } from "prom-client";
import { type Cassandra, isTransient } from "../../runtime/cassandra.ts";
import type { Log } from "../../runtime/log.ts";
import { retry } from "../../runtime/retry.ts";
import { type DeadLetter, idOf, type Write } from "../change.ts";
import { batchesOf, collapse } from "./batches.ts";
import { openReplicas } from "./replicas.ts";
import { openRequests, type RequestMetrics } from "./requests.ts";

/** Concurrent requests to Cassandra, across all partitions. */
const maxInFlight = 32;

export interface Sink {
  /**
   * Resolves once every write is stored or refused by Cassandra as invalid; refused writes are returned as dead
   * letters. Transient failures are retried until `stop`; any other failure is thrown.
   */
  write(writes: readonly Write[], stop: AbortSignal): Promise<DeadLetter[]>;
}

interface Dependencies {
  cassandra: Cassandra;
  keyspace: string;
  metrics: RequestMetrics & { retries: Pick<Counter<"what">, "inc"> };
  log: Log;
}

export function openSink({ cassandra, keyspace, metrics, log }: Dependencies): Sink {
  const replicas = openReplicas(cassandra, keyspace);
  const send = openRequests({ cassandra, keyspace, replicas, metrics });
  const limit = pLimit(maxInFlight);

  /** Stores all batches; returns the writes that Cassandra refused. */
  async function store(batches: Write[][], stop: AbortSignal): Promise<DeadLetter[]> {
    const refused: DeadLetter[] = [];
    let pending = batches;
    const attempt = async () => {
      const outcomes = await Promise.all(pending.map((batch) => limit(() => send(batch))));
      refused.push(...outcomes.flatMap((outcome) => outcome.refused));
      pending = outcomes.map((outcome) => outcome.retry).filter((batch) => batch.length > 0);
      if (pending.length > 0) throw outcomes.find(({ error }) => error !== undefined)?.error;
    };
    await retry(attempt, {
      what: "write to Cassandra",
      while: isTransient,
      stop,
      log,
      between: () => metrics.retries.inc({ what: "write" }),
    });
    return refused;
  }

  return {
    async write(writes, stop) {
      const { newest, replaced } = collapse(writes);
      const refused = await store(batchesOf(newest, replicas.of), stop);
      // A refused write must not discard an older, valid write of the same row.
      const refusedMessages = new Set(refused.map(({ message }) => message));
      const uncovered = newest
        .filter(({ message }) => refusedMessages.has(message))
        .flatMap(({ change }) => replaced.get(idOf(change)) ?? []);
      return uncovered.length > 0 ? [...refused, ...(await this.write(uncovered, stop))] : refused;
    },
  };
}
