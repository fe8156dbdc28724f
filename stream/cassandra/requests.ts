import { types } from "cassandra-driver";
import type { Histogram } from "prom-client";
import { table } from "../../contract/entity.ts";
import { deleteCql, rowOf, selectCql, upsertCql } from "../../contract/tables.ts";
import { fields } from "../../contract/user.ts";
import { type Cassandra, isInvalidStatement, isTransient } from "../../runtime/cassandra.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { type Change, type DeadLetter, idOf, type Write } from "../change.ts";
import type { Replicas } from "./replicas.ts";
import { encodeDeletes, encodeUpserts } from "./row-bytes.ts";

/** The outcome of one request: its writes are stored, refused, or to be retried because of `error`. */
export interface Outcome {
  refused: DeadLetter[];
  retry: Write[];
  error?: unknown;
}

/** Observes each request, a batch or a single write. */
export interface RequestMetrics {
  writeSeconds: Pick<Histogram<"kind">, "startTimer">;
}

interface Dependencies {
  cassandra: Cassandra;
  keyspace: string;
  replicas: Replicas;
  metrics: RequestMetrics;
}

const stored: Outcome = { refused: [], retry: [] };

/** Returns a function that sends one batch (never empty) to Cassandra. It throws only permanent and unknown errors. */
export function openRequests({ cassandra, keyspace, replicas, metrics }: Dependencies) {
  const { statementOf, statementsOf } = openStatements(keyspace);

  async function send(batch: Write[]): Promise<Outcome> {
    const [first, ...others] = batch as [Write, ...Write[]];
    const isBatch = others.length > 0;
    const observe = metrics.writeSeconds.startTimer({ kind: isBatch ? "batch" : "single" });
    try {
      if (isBatch) await sendBatch(batch, first);
      else await sendSingle(first);
      observe();
      return stored;
    } catch (error) {
      if (isTransient(error)) return { refused: [], retry: batch, error };
      if (!isInvalidStatement(error)) throw error;
      return isBatch ? isolate(batch) : refuse(first, error);
    }
  }

  const sendBatch = (batch: Write[], { change }: Write) =>
    cassandra.batch(statementsOf(batch), {
      logged: false,
      prepare: true,
      routingKey: replicas.routingKeyOf(idOf(change)),
    });

  const sendSingle = (write: Write) => {
    const { query, params } = statementOf(write);
    return cassandra.execute(query, params);
  };

  /** One invalid row makes the whole batch invalid, so each row is sent separately. */
  async function isolate(batch: Write[]): Promise<Outcome> {
    const outcomes: Outcome[] = [];
    for (const write of batch) outcomes.push(await send([write]));
    return {
      refused: outcomes.flatMap(({ refused }) => refused),
      retry: outcomes.flatMap(({ retry }) => retry),
      error: outcomes.find(({ error }) => error !== undefined)?.error,
    };
  }

  /** Distinguishes an invalid row from a table that does not match the contract, which ends the process. */
  async function refuse(write: Write, error: unknown): Promise<Outcome> {
    const probe = await cassandra.execute(selectCql(keyspace), [idOf(write.change)]).catch((fault: unknown) => fault);
    if (isTransient(probe)) return { refused: [], retry: [write], error: probe };
    if (probe instanceof Error)
      throw new Error(
        `${keyspace}.${table} does not match the contract: compare it with contract/generated/${table}.cql`,
        { cause: probe },
      );
    return { refused: [{ message: write.message, reason: "refused", detail: messageOf(error) }], retry: [] };
  }

  return send;
}

/** The CQL statement of a single write, and those of a batch, whose parameters are encoded rows. */
function openStatements(keyspace: string) {
  const upsert = upsertCql(keyspace);
  const remove = deleteCql(keyspace);
  return {
    statementOf: ({ change }: Write) =>
      change.kind === "upsert"
        ? { query: upsert, params: [...valuesOf(change), change.writeTimeMicros] }
        : { query: remove, params: [change.writeTimeMicros, change.id] },
    statementsOf(batch: readonly Write[]) {
      const changes = batch.map(({ change }) => change);
      const upserts = changes.filter((change) => change.kind === "upsert");
      const deletes = changes.filter((change) => change.kind === "delete");
      return [
        ...(upserts.length > 0 ? [{ query: upsert, params: [encodeUpserts(upserts)] }] : []),
        ...(deletes.length > 0 ? [{ query: remove, params: [encodeDeletes(deletes)] }] : []),
      ];
    },
  };
}

/** The values of a row; kept columns are unset, so they keep their value. */
function valuesOf({ user, kept }: Extract<Change, { kind: "upsert" }>): unknown[] {
  const values = rowOf(user);
  return kept?.length
    ? values.map((value, index) => (kept.includes(fields[index]!.name) ? types.unset : value))
    : values;
}
