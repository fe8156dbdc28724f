import { types } from "cassandra-driver";
import pLimit from "p-limit";
import { deleteCql, rowOf, selectCql, upsertCql } from "../contract/tables.ts";
import { fields } from "../contract/user.ts";
import { type Cassandra, isInvalidStatement, isTransient } from "../runtime/cassandra.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { retry } from "../runtime/retry.ts";
import { type Change, type DeadLetter, idOf, type Write } from "./change.ts";
import { collapse, groupsOf } from "./groups.ts";
import type { Metrics } from "./metrics.ts";

/** Requests to Cassandra under way at once, over all partitions. */
const maxInFlight = 32;

export interface Sink {
  /**
   * Resolves once every write is stored, or Cassandra called it invalid: those are the dead letters it gives back.
   * Whatever may pass is tried again until `stop`; any other failure is thrown.
   */
  write(writes: readonly Write[], stop: AbortSignal): Promise<DeadLetter[]>;
}

interface Dependencies {
  cassandra: Cassandra;
  keyspace: string;
  metrics: Pick<Metrics, "retries" | "writeSeconds">;
  log: Log;
}

/** What came of one request: its writes are stored, refused, or to be tried again because of `error`. */
interface Outcome {
  refused: { write: Write; detail: string }[];
  again: Write[];
  error?: unknown;
}

/** The values of a row; what is to stay as it is is not set. */
function valuesOf({ user, kept }: Extract<Change, { kind: "upsert" }>): unknown[] {
  const values = rowOf(user);
  return kept?.length
    ? values.map((value, index) => (kept.includes(fields[index]!.name) ? types.unset : value))
    : values;
}

const stored: Outcome = { refused: [], again: [] };

export function openSink({ cassandra, keyspace, metrics, log }: Dependencies): Sink {
  const upsert = upsertCql(keyspace);
  const remove = deleteCql(keyspace);
  const limit = pLimit(maxInFlight);

  async function write(writes: readonly Write[], stop: AbortSignal): Promise<DeadLetter[]> {
    const { newest, replaced } = collapse(writes);
    const letters: DeadLetter[] = [];
    let groups = groupsOf(newest, replicasOf);
    const attempt = async () => {
      const outcomes = await Promise.all(groups.map((group) => limit(() => send(group))));
      for (const { write, detail } of outcomes.flatMap(({ refused }) => refused))
        letters.push({ message: write.message, reason: "refused", detail });
      groups = outcomes.map(({ again }) => again).filter((group) => group.length > 0);
      if (groups.length > 0) throw outcomes.find(({ error }) => error !== undefined)?.error;
    };
    await retry(attempt, {
      what: "write to Cassandra",
      while: isTransient,
      stop,
      log,
      between: () => metrics.retries.inc({ what: "write" }),
    });
    // A refused write must not take the row's older, valid one with it.
    const refusedMessages = new Set(letters.map(({ message }) => message));
    const uncovered = newest
      .filter(({ message }) => refusedMessages.has(message))
      .flatMap(({ change }) => replaced.get(idOf(change)) ?? []);
    return uncovered.length > 0 ? [...letters, ...(await write(uncovered, stop))] : letters;
  }

  async function send(group: Write[]): Promise<Outcome> {
    const [first, ...others] = group as [Write, ...Write[]];
    const observe = metrics.writeSeconds.startTimer({ kind: others.length > 0 ? "batch" : "single" });
    try {
      if (others.length > 0)
        await cassandra.batch(group.map(statementOf), {
          logged: false,
          prepare: true,
          routingKey: routingKeyOf(first),
        });
      else {
        const { query, params } = statementOf(first);
        await cassandra.execute(query, params);
      }
      observe();
      return stored;
    } catch (error) {
      if (isTransient(error)) return { refused: [], again: group, error };
      if (!isInvalidStatement(error)) throw error;
      return others.length > 0 ? isolate(group) : refuse(first, error);
    }
  }

  /** One row makes a whole batch invalid, so each is tried alone. */
  async function isolate(group: Write[]): Promise<Outcome> {
    const outcomes: Outcome[] = [];
    for (const write of group) outcomes.push(await send([write]));
    return {
      refused: outcomes.flatMap(({ refused }) => refused),
      again: outcomes.flatMap(({ again }) => again),
      error: outcomes.find(({ error }) => error !== undefined)?.error,
    };
  }

  /** Tells a row that Cassandra does not want from a table that no row fits: the latter ends the process. */
  async function refuse(write: Write, error: unknown): Promise<Outcome> {
    const probe = await cassandra.execute(selectCql(keyspace), [idOf(write.change)]).catch((fault: unknown) => fault);
    if (isTransient(probe)) return { refused: [], again: [write], error: probe };
    if (probe instanceof Error)
      throw new Error(`${keyspace}.created_users does not fit the contract: compare it with the generated CQL`, {
        cause: probe,
      });
    return { refused: [{ write, detail: messageOf(error) }], again: [] };
  }

  const statementOf = ({ change }: Write) =>
    change.kind === "upsert"
      ? { query: upsert, params: [...valuesOf(change), change.writeTimeMicros] }
      : { query: remove, params: [change.writeTimeMicros, change.id] };

  const isCluster = () => cassandra.hosts.length > 1;
  const keyOf = (id: string) => types.Uuid.fromString(id).getBuffer();

  /** The driver routes single writes by itself, batches by what it is told. */
  const routingKeyOf = ({ change }: Write) => (isCluster() ? keyOf(idOf(change)) : undefined);

  /** The nodes that hold a row, as one word. */
  function replicasOf(id: string): string {
    if (!isCluster()) return "";
    const replicas = cassandra.getReplicas(keyspace, keyOf(id)) ?? [];
    return replicas
      .map(({ address }) => address)
      .sort()
      .join(" ");
  }

  return { write };
}
