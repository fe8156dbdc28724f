/** Reading a whole table while Cassandra is away for a moment. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { validUsers } from "../contract/samples.ts";
import { rowOf, upsertCql, writeTimeOf } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { scanRows } from "../operations/reconcile/cassandra-rows.ts";
import { pagesOf } from "../runtime/cassandra/pages.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { dropKeyspace, withCassandra } from "./support/cassandra.ts";
import { openLink } from "./support/link.ts";
import { namesOf } from "./support/names.ts";

const { config, keyspace } = namesOf(import.meta.path);
const users = Array.from({ length: 2_000 }, (): User => ({ ...validUsers[0]!, id: crypto.randomUUID() }));

beforeAll(() =>
  withCassandra(config, async (client) => {
    await migrateCassandra(client, config, { apply: true });
    for (let start = 0; start < users.length; start += 100)
      await Promise.all(
        users
          .slice(start, start + 100)
          .map((user) => client.execute(upsertCql(keyspace), [...rowOf(user), writeTimeOf(user)])),
      );
  }),
);
afterAll(() => dropKeyspace(config));

/** A client whose connections to Cassandra can be cut. */
async function openCuttable() {
  const [address = ""] = config.cassandra.contactPoints;
  const [host = "127.0.0.1", port] = address.split(":");
  const link = await openLink(host, Number(port ?? 9042));
  const contactPoints = [`127.0.0.1:${link.port}`];
  return { link, client: openCassandra({ cassandra: { ...config.cassandra, contactPoints } }, "test") };
}

test("every row is read once, although the connection was cut in between", async () => {
  const { link, client } = await openCuttable();
  const ids: string[] = [];
  try {
    await scanRows(client, keyspace, ({ user }) => {
      ids.push(user.id);
      if (ids.length === 200) void link.cut().then(link.restore);
    });
  } finally {
    await client.shutdown();
    await link.cut();
  }
  expect(ids.sort()).toEqual(users.map(({ id }) => id).sort());
});

test("a query that is wrong is not asked again", async () => {
  const { link, client } = await openCuttable();
  try {
    const pages = pagesOf(client, `SELECT nothing FROM ${keyspace}.nowhere`, [], { pageRows: 10 });
    const begin = performance.now();
    await expect(pages.next()).rejects.toThrow(/does not exist/);
    expect(performance.now() - begin).toBeLessThan(30_000);
  } finally {
    await client.shutdown();
    await link.cut();
  }
});
