import { expect, test } from "bun:test";
import { table } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { createCql, createSql, indexes } from "../contract/tables.ts";
import { openClients } from "../operations/doctor/clients.ts";
import { examine } from "../operations/doctor/examine.ts";
import { probeChecks } from "../operations/doctor/probes.ts";
import { tableChecks } from "../operations/doctor/tables.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { dropKeyspace, withCassandra } from "./support/cassandra.ts";
import { openDoctor } from "./support/doctor.ts";
import { openLink } from "./support/link.ts";

const { closing, lines, namesWith } = openDoctor(import.meta.path);

test("in PostgreSQL and Cassandra: columns, index, replication and nodes", async () => {
  const names = namesWith();
  const { keyspace } = names;
  const url = `${names.config.postgres.url}?search_path=${keyspace}`;
  const sql = openPostgres(url, 1);
  await sql.unsafe(`CREATE SCHEMA ${keyspace}`);
  closing.push(async () => {
    await sql.unsafe(`DROP SCHEMA ${keyspace} CASCADE`);
    await sql.end();
    await dropKeyspace(names.config);
  });
  const own = namesWith({ CASSANDRA_KEYSPACE: keyspace, POSTGRES_URL: url });
  const cql = (...statements: string[]) =>
    withCassandra(names.config, async (client) => {
      for (const statement of statements) await client.execute(statement, [], { prepare: false });
    });
  expect(await lines(tableChecks, own)).toEqual([
    `error PostgreSQL's ${table}: lacks table ${table}. Add it: \`bun run migrate\`.`,
    `error Cassandra's ${keyspace}.${table}: lacks keyspace ${keyspace}, table ${table}, ${indexes.map(({ name }) => `index ${name}`).join(", ")}. Add it: \`bun run migrate\`.`,
  ]);

  await sql.unsafe(createSql);
  await cql(...createCql(keyspace, own.config.cassandra.localDataCenter, 1));
  const indexed = indexes[0]!;
  const index = `Cassandra's index ${keyspace}.${indexed.name}`;
  await until(
    "the indexes are built",
    async () => !(await lines(tableChecks, own)).some((line) => line.includes("index")),
  );
  expect(await lines(tableChecks, own)).toEqual([]);

  await sql.unsafe(`ALTER TABLE ${table} DROP COLUMN ${changeable.long}, ALTER COLUMN ${changeable.time} TYPE text`);
  await cql(
    `ALTER TABLE ${keyspace}.${table} DROP ${changeable.long}`,
    `DROP INDEX ${keyspace}.${indexed.name}`,
    `CREATE INDEX ${indexed.name} ON ${keyspace}.${table} (${changeable.text})`,
    `ALTER KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  );
  const [type, inPostgres, inCassandra, otherIndex, replication, ...more] = await lines(tableChecks, own, false);
  expect(more).toEqual([]);
  expect(type).toStartWith(
    `error PostgreSQL's ${table}: ${table}.${changeable.time} is text, and the contract has timestamp with time zone. Keep the type in contract/user.ts`,
  );
  expect(inPostgres).toBe(
    `error PostgreSQL's ${table}: lacks column ${changeable.long} text. Add it: \`docker compose run --rm operate migrate\`.`,
  );
  expect(inCassandra).toStartWith(
    `error Cassandra's ${keyspace}.${table}: lacks column ${changeable.long} text. Add it`,
  );
  expect(otherIndex).toBe(
    `error ${index}: class_name is not set instead of StorageAttachedIndex, target is ${changeable.text} instead of ${indexed.field}, ` +
      "case_sensitive is not set instead of false, normalize is not set instead of true. Create it again: " +
      `\`docker compose exec cassandra cqlsh -e "DROP INDEX ${keyspace}.${indexed.name}"\`, then \`docker compose run --rm operate migrate\`.`,
  );
  expect(replication).toStartWith(
    `warning Cassandra's keyspace ${keyspace}: is replicated as class: SimpleStrategy, replication_factor: 1; the settings say 1 in datacenter1. `,
  );

  await cql(
    `ALTER KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${own.config.cassandra.localDataCenter}': 3}`,
  );
  const three = namesWith({ CASSANDRA_KEYSPACE: keyspace, POSTGRES_URL: url, CASSANDRA_REPLICATION_FACTOR: "3" });
  expect(await lines(tableChecks, three)).toContain(
    `error Cassandra's keyspace ${keyspace}: 1 node is up in datacenter1, and a quorum of 3 replicas needs 2. ` +
      "Start the nodes that are down, or lower CASSANDRA_REPLICATION_FACTOR.",
  );
});

test("a PostgreSQL that hangs as soon as it is connected is a finding, and closing its connection no error", async () => {
  const names = namesWith();
  const { hostname, port } = new URL(names.config.postgres.url);
  const isReady = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]); // ReadyForQuery, idle
  const link = await openLink(hostname, Number(port), (bytes) => {
    if (bytes.includes(isReady)) link.hold();
    return bytes;
  });
  closing.push(link.cut);
  const url = new URL(names.config.postgres.url);
  url.port = String(link.port);
  url.hostname = "127.0.0.1";
  const checks = probeChecks.filter(({ of }) => of[0] === "PostgreSQL");
  const clients = openClients({ ...names, postgresUrl: url.href, isNative: true });
  const [finding] = await examine(checks, clients, { withinMs: 1_500 });
  expect(finding).toMatchObject({ about: "PostgreSQL", cause: "no answer within 1.5 s when asked about its health" });
  await Promise.race([clients.close(), Bun.sleep(500)]);
  await Bun.sleep(0); // an unhandled rejection would fail the test
});
