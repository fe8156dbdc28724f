import { idField, table, timeField } from "../../contract/entity.ts";
import { changeable } from "../../contract/samples.ts";
import { columnArrays, selectCql, upsertSql, userOf } from "../../contract/tables.ts";
import type { User } from "../../contract/user.ts";
import { encode } from "../../contract/wire.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import { newUser } from "../faults/records.ts";
import type { Outcome, Registers, Value } from "../support/register.ts";
import { steadily } from "../support/writes.ts";
import type { Random } from "./random.ts";

interface Given {
  /** Decides what is written to which row; the values are numbered. */
  random: Random;
  registers: Registers;
  sql: Postgres;
  cassandra: Cassandra;
  keyspace: string;
  apiUrl: string;
  /** Sends records to the topic of created users; rejects if they may not have been acknowledged. */
  produce: (records: { key: string; value: Buffer }[]) => Promise<void>;
  schemaId: number;
}

/** Writers of all three kinds, and readers that watch the same rows. */
export interface Writers {
  /** Ends them, and resolves once everything in flight was answered. */
  stop: () => Promise<void>;
}

type Row = Omit<User, typeof timeField>;

/** The share of each kind in the rate, and how many of it are in flight. */
const shares = {
  pipeline: { share: 0.3, inFlight: 2 },
  update: { share: 0.15, inFlight: 2 },
  deleteFrom: { share: 0.05, inFlight: 1 },
  post: { share: 0.1, inFlight: 2 },
  put: { share: 0.33, inFlight: 4 },
  remove: { share: 0.07, inFlight: 1 },
} as const;
type Kind = keyof typeof shares;
const readers = { inFlight: 2, everyMs: 20 };

/** Users that one write of the pipeline, or one UPDATE, has. */
const rowsAtOnce = 5;
/** How many users are written again and again, by all three writers. */
const liveliest = 200;
/** The pause after a refused connection; without it a writer would retry thousands of times a second. */
const refusedPauseMs = 100;
/** After this the API is no longer waited for. */
const answerWithinMs = 15_000;

/** Writes `perSecond` values a second, until `stop`. */
export function startWriters(given: Given, perSecond: number): Writers {
  const { random, registers, sql, produce, schemaId } = given;
  const users: Row[] = [];
  let stopped = false;
  let values = 0;

  const any = () => (users.length > 0 ? random.oneOf(users) : undefined);
  const value = () => `${random.seed}-${values++}`;
  const valued = (user: Row, text: string): User => ({
    ...(user as User),
    [changeable.text]: text,
    [timeField]: new Date().toISOString(),
  });
  function remember(some: Row[]) {
    users.push(...some);
    users.splice(0, users.length - liveliest);
  }

  /** One statement or request for several rows: `send` resolves with the ids of those that it has changed. */
  async function write(changes: Map<string, Value>, send: () => Promise<Set<string> | "unknown">) {
    const answers = [...changes].map(([id, text]) => [id, registers.begin(id, text)] as const);
    const changed = await send().catch(() => "unknown" as const);
    const outcomeOf = (id: string): Outcome => {
      if (changed === "unknown") return "unknown";
      return changed.has(id) ? "acknowledged" : "refused";
    };
    for (const [id, answer] of answers) answer(outcomeOf(id));
    return changes.size;
  }

  async function ask(method: string, path: string, id: string, text: Value, body?: object) {
    return write(new Map([[id, text]]), async () => {
      const response = await fetch(`${given.apiUrl}${path}`, {
        method,
        signal: AbortSignal.timeout(answerWithinMs),
        ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
      }).catch(unlessRefused);
      if (!response) {
        await Bun.sleep(refusedPauseMs);
        return new Set();
      }
      await response.body?.cancel();
      if (response.ok) return new Set([id]);
      // Deleted by another writer. Any other answer says that the write may be in force later.
      return response.status === 404 ? new Set() : "unknown";
    });
  }

  const rowsOf = (returned: readonly Record<string, unknown>[]) => new Set(returned.map((row) => String(row[idField])));

  const writers: Record<Kind, () => Promise<number>> = {
    /** `backup` and `produce`: mostly new users, some again. */
    async pipeline() {
      const again = [any()].filter((user) => user !== undefined);
      const added = Array.from({ length: rowsAtOnce - again.length }, newUser);
      const texts = new Map([...again, ...added].map((user) => [user[idField], value()]));
      const count = await write(texts, async () => {
        const some = [...again, ...added].map((user) => valued(user, texts.get(user[idField]) ?? ""));
        const rows = await sql.unsafe(upsertSql, columnArrays(some) as never);
        const deleted = new Set(rows.map((row) => row.deleted));
        const passed = some.filter((user) => !deleted.has(user[idField]));
        await produce(passed.map((user) => ({ key: user[idField], value: encode(user, schemaId) })));
        return new Set(passed.map((user) => user[idField]));
      });
      remember(added);
      return count;
    },
    async update() {
      const ids = Array.from({ length: rowsAtOnce }, any).flatMap((user) => user?.[idField] ?? []);
      const text = value();
      return write(new Map(ids.map((id) => [id, text])), async () => {
        const column = sql(changeable.text);
        const rows = await sql`
          UPDATE ${sql(table)} SET ${column} = ${text} WHERE ${sql(idField)} = ANY(${ids}::uuid[]) RETURNING ${sql(idField)}`;
        return rowsOf(rows);
      });
    },
    async deleteFrom() {
      const id = any()?.[idField];
      if (id === undefined) return 0;
      return write(new Map([[id, null]]), async () =>
        rowsOf(await sql`DELETE FROM ${sql(table)} WHERE ${sql(idField)} = ${id} RETURNING ${sql(idField)}`),
      );
    },
    async post() {
      const { [timeField]: _, ...user } = { ...newUser(), [changeable.text]: value() };
      const count = await ask("POST", "/add-user", user[idField], user[changeable.text], user);
      remember([user]);
      return count;
    },
    async put() {
      const id = any()?.[idField];
      if (id === undefined) return 0;
      const text = value();
      return ask("PUT", `/update-user/${id}`, id, text, { [changeable.text]: text });
    },
    async remove() {
      const id = any()?.[idField];
      return id === undefined ? 0 : ask("DELETE", `/delete-user/${id}`, id, null);
    },
  };

  const writeSteadily = (kind: Kind, ownPerSecond: number) => steadily(ownPerSecond, () => stopped, writers[kind]);

  async function readSteadily() {
    while (!stopped) {
      await Bun.sleep(readers.everyMs);
      const id = any()?.[idField];
      if (id !== undefined) await read(given, id).catch(() => {}); // a store that cannot be asked has said nothing
    }
  }

  const writing = Object.entries(shares).flatMap(([kind, { share, inFlight }]) =>
    Array.from({ length: inFlight }, () => writeSteadily(kind as Kind, (share * perSecond) / inFlight)),
  );
  const all = Promise.all([...writing, ...Array.from({ length: readers.inFlight }, readSteadily)]);
  all.catch(() => {}); // `stop` reports it
  return {
    async stop() {
      stopped = true;
      await all;
    },
  };
}

/** A refused connection: the API has received nothing. */
function unlessRefused(error: unknown): undefined {
  if ((error as { code?: unknown }).code !== "ECONNREFUSED") throw error;
}

/** Reads a row, from the API or from Cassandra. */
async function read({ random, registers, cassandra, keyspace, apiUrl }: Given, id: string): Promise<void> {
  const begin = Date.now();
  if (random.chance(0.5)) {
    const { rows } = await cassandra.execute(selectCql(keyspace), [id]);
    const [row] = rows;
    return registers.saw(id, row ? userOf(row)[changeable.text] : null, begin);
  }
  const response = await fetch(`${apiUrl}/get-user/${id}`, { signal: AbortSignal.timeout(answerWithinMs) });
  const body = await response.json();
  if (response.ok) registers.saw(id, (body as User)[changeable.text], begin);
  else if (response.status === 404) registers.saw(id, null, begin);
}
