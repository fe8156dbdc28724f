import { afterAll, beforeAll, expect, test } from "bun:test";
import { changeable } from "../contract/samples.ts";
import { createCql, selectCql, userOf } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Cassandra, openCassandra } from "../runtime/cassandra.ts";
import { openLog } from "../runtime/log.ts";
import { openSink } from "../stream/cassandra/sink.ts";
import { type Change, idOf } from "../stream/change.ts";
import { newUser } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { namesOf } from "./support/names.ts";

const { config, keyspace } = namesOf(import.meta.path);
const { text, optional } = changeable;
let cassandra: Cassandra;

beforeAll(async () => {
  cassandra = openCassandra(config, "test");
  await cassandra.connect();
  for (const statement of createCql(keyspace, config.cassandra.localDataCenter, 1))
    await cassandra.execute(statement, [], { prepare: false });
});
afterAll(async () => {
  await cassandra.shutdown();
  await dropKeyspace(config);
});

/** Writes slices one after the other, and reads the row. */
async function rowAfter(...slices: Change[][]): Promise<User | null> {
  const metrics = { writeSeconds: { startTimer: () => () => 0 }, retries: { inc() {} } };
  const sink = openSink({ cassandra, keyspace, metrics: metrics as never, log: openLog("test", "fatal") });
  for (const slice of slices) {
    const writes = slice.map((change, offset) => ({
      message: { key: null, value: null, offset: `${offset}`, timestamp: "0" },
      change,
    }));
    expect(await sink.write(writes, new AbortController().signal)).toEqual([]);
  }
  const { rows } = await cassandra.execute(selectCql(keyspace), slices.flat().map(idOf).slice(0, 1));
  return rows[0] ? userOf(rows[0]) : null;
}

/** Versions of one new user, all with the same write time. */
function versionsOf(...versions: Partial<User>[]): Change[] {
  const user = newUser();
  return versions.map((values) => ({
    kind: "upsert",
    user: { ...user, ...values },
    writeTimeMicros: 1_700_000_000_000_000,
  }));
}

const zola = { [text]: "Zola", [optional]: "021-1" };
const adams = { [text]: "Adams", [optional]: "021-9" };

test("of two records in one slice with equal write times, the later in the log is the row", async () => {
  expect(await rowAfter(versionsOf(zola, adams))).toMatchObject(adams);
  expect(await rowAfter(versionsOf(adams, zola))).toMatchObject(zola);
});

test("of records in different slices, or of different engines, Cassandra takes the greater value of each column", async () => {
  const mixed = { [text]: "Zola", [optional]: "021-9" };
  for (const order of [
    [zola, adams],
    [adams, zola],
  ])
    expect(await rowAfter(...versionsOf(...order).map((version) => [version]))).toMatchObject(mixed);
});

test("a null wins over a value with the same write time, and a deletion over a record, in any order", async () => {
  const unknown = { ...adams, [optional]: null };
  for (const order of [
    [zola, unknown],
    [unknown, zola],
  ])
    expect(await rowAfter(...versionsOf(...order).map((version) => [version]))).toMatchObject({
      ...zola,
      [optional]: null,
    });
  for (const isFirst of [true, false]) {
    const [upsert] = versionsOf(zola) as [Change];
    const { writeTimeMicros } = upsert;
    const deletion: Change = { kind: "delete", id: idOf(upsert), writeTimeMicros };
    expect(await rowAfter(...(isFirst ? [[deletion], [upsert]] : [[upsert], [deletion]]))).toBeNull();
  }
});
