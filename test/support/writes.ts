import { idField, table, timeField } from "../../contract/entity.ts";
import { changeable } from "../../contract/samples.ts";
import { columnArrays, upsertSql } from "../../contract/tables.ts";
import type { User } from "../../contract/user.ts";
import { encode } from "../../contract/wire.ts";
import type { Config } from "../../runtime/config.ts";
import { until } from "../../runtime/until.ts";
import { newUser, type Recorder } from "../faults/records.ts";
import type { Capture } from "./capture.ts";
import { lagOf } from "./kafka.ts";

interface Given {
  capture: Pick<Capture, "sql">;
  recorder: Pick<Recorder, "schemaId" | "sendRecords">;
  /** The API that is edited through. */
  apiUrl: string;
  perSecond: number;
}

/** A stream of writes, all of them accepted so far by kind. */
export interface Writes {
  accepted: Record<Kind, number>;
  total: () => number;
  /** Ends it, and resolves once everything in flight was answered. @throws what a writer threw */
  stop: () => Promise<void>;
}

type Kind = "pipeline" | "UPDATE" | "DELETE FROM" | "POST" | "PUT" | "DELETE";

/** The share of each kind, and how many requests of it are in flight. */
const shares: readonly { kind: Kind; share: number; inFlight: number }[] = [
  { kind: "pipeline", share: 0.35, inFlight: 2 },
  { kind: "UPDATE", share: 0.15, inFlight: 2 },
  { kind: "DELETE FROM", share: 0.05, inFlight: 1 },
  { kind: "POST", share: 0.1, inFlight: 4 },
  { kind: "PUT", share: 0.28, inFlight: 8 },
  { kind: "DELETE", share: 0.07, inFlight: 4 },
];
/** Users that a write of the pipeline, or an UPDATE, has at once. */
const rowsAtOnce = 5;
/** How many users are written again and again, by all three writers. */
const liveliest = 500;

/** The pipeline, statements in PostgreSQL and edits through the API, all at once and often of the same users. */
export function startWrites({ capture: { sql }, recorder, apiUrl, perSecond }: Given): Writes {
  const users: User[] = [];
  const any = () => users[Math.floor(Math.random() * users.length)];
  const accepted = { pipeline: 0, UPDATE: 0, "DELETE FROM": 0, POST: 0, PUT: 0, DELETE: 0 };
  let stopped = false;
  let values = 0;

  const now = () => ({ [changeable.text]: `${values++}`, [timeField]: new Date().toISOString() });
  const remember = (some: User[]) => {
    users.push(...some);
    users.splice(0, users.length - liveliest);
  };
  const forget = (user: User) => {
    const at = users.indexOf(user);
    if (at >= 0) users.splice(at, 1);
  };
  async function ask(method: string, path: string, body?: object) {
    const response = await fetch(`${apiUrl}${path}`, {
      method,
      ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return 1;
    // Deleted by another writer; not ready yet, or too busy.
    if (response.status === 404 || response.status === 503) return 0;
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }

  const writers: Record<Kind, () => Promise<number>> = {
    /** `backup` and `produce`: mostly new users, some again. */
    async pipeline() {
      const again = [any()].filter((user) => user !== undefined);
      const some = [...again, ...Array.from({ length: rowsAtOnce - again.length }, newUser)].map((user) => ({
        ...user,
        ...now(),
      }));
      await sql.unsafe(upsertSql, columnArrays(some) as never);
      await recorder.sendRecords(
        some.map((user) => ({ key: user[idField], value: encode(user, recorder.schemaId), user })),
      );
      remember(some.slice(again.length));
      return some.length;
    },
    async UPDATE() {
      const ids = Array.from({ length: rowsAtOnce }, any).flatMap((user) => user?.[idField] ?? []);
      const text = sql(changeable.text);
      return (
        await sql`UPDATE ${sql(table)} SET ${text} = ${`${values++}`} WHERE ${sql(idField)} = ANY(${ids}::uuid[])`
      ).count;
    },
    async "DELETE FROM"() {
      const user = any();
      if (!user) return 0;
      forget(user);
      return (await sql`DELETE FROM ${sql(table)} WHERE ${sql(idField)} = ${user[idField]}`).count;
    },
    async POST() {
      const { [timeField]: _, ...user } = newUser();
      const added = await ask("POST", "/add-user", user);
      remember([{ ...user, ...now() }]);
      return added;
    },
    async PUT() {
      const user = any();
      return user ? ask("PUT", `/update-user/${user[idField]}`, { [changeable.text]: `${values++}` }) : 0;
    },
    async DELETE() {
      const user = any();
      if (!user) return 0;
      forget(user);
      return ask("DELETE", `/delete-user/${user[idField]}`);
    },
  };

  const writeSteadily = (kind: Kind, ownPerSecond: number) =>
    steadily(
      ownPerSecond,
      () => stopped,
      async () => {
        const count = await writers[kind]();
        accepted[kind] += count;
        return count;
      },
    );
  const ends = shares.flatMap(({ kind, share, inFlight }) =>
    Array.from({ length: inFlight }, () => writeSteadily(kind, (share * perSecond) / inFlight)),
  );
  const all = Promise.all(ends);
  all.catch(() => {}); // `stop` reports it
  return {
    accepted,
    total: () => Object.values(accepted).reduce((sum, count) => sum + count, 0),
    async stop() {
      stopped = true;
      await all;
    },
  };
}

type Arriving = Pick<Capture, "groupId" | "topic" | "editTopic" | "changeTopic" | "sql" | "slot"> & {
  config: Pick<Config, "kafka">;
};

/** Resolves once the slot has passed what PostgreSQL has now, and the consumer has applied every record. */
export async function everythingArrived({ config, groupId, topic, editTopic, changeTopic, sql, slot }: Arriving) {
  const [end] = await sql`SELECT pg_current_wal_lsn()::text AS lsn`;
  const hasArrived = async () => {
    const [state] = await sql`
      SELECT confirmed_flush_lsn >= ${end!.lsn}::pg_lsn AS passed FROM pg_replication_slots WHERE slot_name = ${slot}`;
    const lags = await Promise.all([topic, editTopic, changeTopic].map((name) => lagOf(config, groupId, name)));
    return state?.passed === true && lags.every((lag) => lag === 0);
  };
  await until("everything has arrived", hasArrived, { withinMs: 300_000, everyMs: 250 });
}

/** Repeats `write`, which returns how many writes it was, at a rate until `isStopped`; one that did nothing counts as one. */
export async function steadily(
  perSecond: number,
  isStopped: () => boolean,
  write: () => Promise<number>,
): Promise<void> {
  const begin = performance.now();
  let written = 0;
  while (!isStopped()) {
    const dueInMs = begin + (written / perSecond) * 1_000 - performance.now();
    if (dueInMs > 0) await Bun.sleep(Math.min(dueInMs, 100));
    if (dueInMs > 100) continue;
    written += Math.max(await write(), 1);
  }
}
