import { idField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import type { Change, Message } from "../../stream/change.ts";
import { openRoutes } from "../../stream/routes.ts";
import { readRange } from "../topic-log.ts";
import { rowsOf, type StoredRow } from "./cassandra-rows.ts";
import type { Look } from "./first-look.ts";
import type { Newest } from "./fold.ts";
import { lettersByUser, type UserLetter } from "./letters.ts";
import { type BackedUpRow, backedUpOf } from "./postgres-rows.ts";
import type { Found } from "./reconcile.ts";
import { usersOfRun } from "./run-files.ts";

/** What each store has of a user with whom something is wrong. */
export interface Evidence extends Found {
  /** The newest record and what it changes. */
  record: (Newest & { message: Message; change: Change | null }) | null;
  cassandra: StoredRow | null;
  postgres: BackedUpRow | null;
  deletedMicros: number | null;
  /** As the run has it whose user has no record. */
  fetched: { user: User; run: string } | null;
  letter: UserLetter | null;
}

/** Reads everything about some users again; they are in memory, so pass some at a time. */
export async function evidenceOf(look: Look, found: readonly Found[]): Promise<Evidence[]> {
  if (found.length === 0) return [];
  const { clients, config, stop } = look;
  const ids = found.map(({ id }) => id);
  const rows = new Map<string, StoredRow>();
  await rowsOf(clients.cassandra, config.cassandra.keyspace, ids, (id, row) => rows.set(id, row));
  const backedUp = look.hasPostgres ? await backedUpOf(clients.sql, ids) : undefined;
  const { letters } = found.some(({ cause }) => cause === "dead letter")
    ? await lettersByUser(clients, config.kafka.deadLetterTopic, stop)
    : { letters: new Map<string, UserLetter>() as ReadonlyMap<string, UserLetter> };
  const records = await recordsOf(look, found);
  const fetched = await fetchedOf(look, found);
  return found.map((one) => ({
    ...one,
    record: records.get(one.index) ?? null,
    cassandra: rows.get(one.id) ?? null,
    postgres: backedUp?.rows.get(one.id) ?? null,
    deletedMicros: backedUp?.deletedMicros.get(one.id) ?? null,
    fetched: fetched.get(one.index) ?? null,
    letter: letters.get(one.id) ?? null,
  }));
}

/** The newest records by index, each read at its position: in turns, one of each partition at a time. */
async function recordsOf(look: Look, found: readonly Found[]) {
  const { clients, config, fold, stop } = look;
  const { routes } = openRoutes({ config, registry: clients.registry, log: clients.log });
  const records = new Map<number, NonNullable<Evidence["record"]>>();
  const byPartition = Map.groupBy(
    found.flatMap(({ index }) => {
      const newest = fold.newest(index);
      return newest ? [{ index, newest }] : [];
    }),
    ({ newest }) => `${newest.topic}/${newest.partition}`,
  );
  for (let turn = 0; ; turn++) {
    const wanted = [...byPartition.values()].flatMap((all) => all[turn] ?? []);
    if (wanted.length === 0) return records;
    const range = (add: bigint) =>
      offsetsOf(wanted.map(({ newest }) => ({ ...newest, offset: BigInt(newest.offset) + add })));
    await readRange(
      clients,
      { from: range(0n), to: range(1n) },
      async ({ topic, partition, messages }) => {
        const one = wanted.find(({ newest }) => newest.topic === topic && newest.partition === partition);
        const message = messages[0];
        if (!one || !message) return;
        const { writes } = await routes.get(topic)!([message], stop, partition);
        records.set(one.index, { ...one.newest, message, change: writes[0]?.change ?? null });
      },
      { stop },
    );
  }
}

function offsetsOf(positions: { topic: string; partition: number; offset: bigint }[]) {
  const offsets = new Map<string, Map<number, bigint>>();
  for (const { topic, partition, offset } of positions)
    offsets.set(topic, (offsets.get(topic) ?? new Map<number, bigint>()).set(partition, offset));
  return offsets;
}

async function fetchedOf({ fetched }: Look, found: readonly Found[]) {
  const users = new Map<number, { user: User; run: string }>();
  const wanted = found.flatMap(({ index, id, cause }) => {
    const of = cause === "user of a run" ? fetched.get(index) : undefined;
    return of ? [{ index, id, run: of.run }] : [];
  });
  for (const [run, ofRun] of Map.groupBy(wanted, ({ run }) => run)) {
    const byId = new Map((await usersOfRun(run)).map((user) => [user[idField], user]));
    for (const { index, id } of ofRun) {
      const user = byId.get(id);
      if (user) users.set(index, { user, run: run.name });
    }
  }
  return users;
}
