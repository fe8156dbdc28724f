// Runs in turn: it uses the stack's DAG.
import { beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import ky from "ky";
import { openAirflow } from "../operations/airflow.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { loadConfig, sourceAddress } from "../sources/config.ts";
import { withCassandra } from "./support/cassandra.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { runFolder } from "./support/runs.ts";

const config = loadConfig();
const users = 300;

type SourceUser = { login: Record<string, string>; id: { value: string | null } };

/** Values that must go no further than `fetch`; the source returns them for the run's seed. */
let secrets: Record<string, string[]>;
let response: string;
let folder: string;

beforeAll(async () => {
  const airflow = await openAirflow();
  await airflow.unpause();
  const { dag_run_id } = await airflow.trigger({ users });
  expect((await airflow.ended(dag_run_id)).state).toBe("success");
  folder = await runFolder(airflow, dag_run_id);
  await until(
    "the consumer has read everything",
    async () => (await lagOf(config, config.consumer.groupId, config.kafka.topic)) === 0,
  );

  const searchParams = { results: users, seed: dag_run_id };
  response = await ky.get(sourceAddress(config), { searchParams }).text();
  const { results }: { results: SourceUser[] } = JSON.parse(response);
  const loginSecrets = ["password", "salt", "md5", "sha1", "sha256"].map((name) => [
    name,
    results.map(({ login }) => login[name] ?? ""),
  ]);
  const nationalIds = results.map(({ id }) => id.value).filter((value): value is string => Boolean(value));
  secrets = { ...Object.fromEntries(loginSecrets), "national id": nationalIds };
});

test("the source does return such secrets, and its users are those of this run", () => {
  for (const [name, values] of Object.entries(secrets)) expect([name, values.length > users / 4]).toEqual([name, true]);
  expect(foundIn(response)).toHaveLength(Object.values(secrets).flat().length);
  const uuids = readFileSync(join(folder, "raw.jsonl"), "utf8").match(/"uuid":"[0-9a-f-]{36}"/g);
  expect(uuids).toHaveLength(users);
});

test("no file of the run contains a secret or the name of such a field", () => {
  for (const file of filesBelow(folder)) {
    const text = readFileSync(file, "utf8");
    expect({ file, found: foundIn(text) }).toEqual({ file, found: [] });
    expect({ file, names: text.match(/"(password|salt|md5|sha1|sha256)"/g) }).toEqual({ file, names: null });
  }
});

test("no table in PostgreSQL contains a secret", async () => {
  const sql = openPostgres(config.postgres.url);
  try {
    const tables = await sql`SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`;
    expect(tables.map(({ name }) => name)).toContain("created_users");
    for (const { schema, name } of tables) {
      const rows = await sql`SELECT entry::text AS text FROM ${sql(schema)}.${sql(name)} AS entry`;
      expect({ name, found: foundIn(rows.map(({ text }) => text).join("\n")) }).toEqual({ name, found: [] });
    }
  } finally {
    await sql.end();
  }
});

test("no topic contains a secret", async () => {
  for (const topic of [config.kafka.topic, config.kafka.deadLetterTopic]) {
    const records = await readTopic(config, topic);
    const text = records.map(({ key, value, headers }) => `${key}\n${value}\n${JSON.stringify(headers)}`).join("\n");
    expect({ topic, found: foundIn(text) }).toEqual({ topic, found: [] });
  }
});

test("no table in Cassandra contains a secret", async () => {
  const { keyspace } = config.cassandra;
  await withCassandra(config, async (client) => {
    const tables = await client.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", [
      keyspace,
    ]);
    expect(tables.rows.length).toBeGreaterThan(0);
    for (const { table_name: name } of tables.rows) {
      const lines: string[] = [];
      const rows = await client.execute(`SELECT JSON * FROM ${keyspace}.${name}`, [], { fetchSize: 5_000 });
      for await (const row of rows) lines.push(row["[json]"]);
      expect({ name, found: foundIn(lines.join("\n")) }).toEqual({ name, found: [] });
    }
  });
});

test("no log of the stack, Airflow or a task contains a secret", () => {
  const logs = filesBelow(join(process.env.STACK_DIR ?? "", "logs"));
  expect(logs.length).toBeGreaterThan(10);
  for (const file of logs) expect({ file, found: foundIn(readFileSync(file, "utf8")) }).toEqual({ file, found: [] });
});

/** The secrets that occur in a text as whole words: the password "tree" is not found in "Street". */
function foundIn(text: string): string[] {
  return Object.entries(secrets).flatMap(([name, values]) =>
    values.filter((value) => value !== "" && isWordOf(text, value)).map((value) => `${name} ${value}`),
  );
}

function isWordOf(text: string, word: string): boolean {
  const letterOrDigit = /[\p{L}\p{N}]/u;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (!letterOrDigit.test(text[at - 1] ?? "") && !letterOrDigit.test(text[at + word.length] ?? "")) return true;
  return false;
}

function filesBelow(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}
