import { expect, test } from "bun:test";
import { clockCheck } from "../operations/doctor/clocks.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openDoctor } from "./support/doctor.ts";

const { closing, lines, linkTo, namesWith } = openDoctor(import.meta.path);

test("clocks: PostgreSQL's and that of a service over HTTP, ahead or behind by more than the answer took", async () => {
  const names = namesWith();
  expect(await lines([clockCheck], names)).toEqual([]);

  const { keyspace } = names;
  const url = `${names.config.postgres.url}?search_path=${keyspace},pg_catalog`;
  const sql = openPostgres(names.config.postgres.url, 1);
  await sql.unsafe(`CREATE SCHEMA ${keyspace};
    CREATE FUNCTION ${keyspace}.clock_timestamp() RETURNS timestamptz LANGUAGE sql
    AS $$ SELECT pg_catalog.clock_timestamp() + interval '200 seconds' $$`);
  closing.push(async () => {
    await sql.unsafe(`DROP SCHEMA ${keyspace} CASCADE`);
    await sql.end();
  });
  const late = (ms: number) => (bytes: Buffer) => {
    const text = bytes.toString("latin1");
    return Buffer.from(
      text.replace(
        /^(Date: )(.*?)\r$/im,
        (_, name, date) => `${name}${new Date(Date.parse(date) - ms).toUTCString()}\r`,
      ),
      "latin1",
    );
  };
  const connect = await linkTo(names.env.CONNECT_URL ?? "", late(20_000));
  const registry = await linkTo(names.config.schemaRegistry.url, late(1_000)); // not worth a word
  const wrong = namesWith({
    POSTGRES_URL: url,
    CONNECT_URL: `http://${connect}`,
    SCHEMA_REGISTRY_URL: names.config.schemaRegistry.url.replace(/127.0.0.1:\d+/, registry),
  });
  const [postgres, web, ...more] = await lines([clockCheck], wrong);
  expect(more).toEqual([]);
  // Less by what the answer took, at most four seconds; and a Date may be two seconds old.
  expect(postgres).toMatch(
    /^error PostgreSQL: its clock is (19[6-9]\.\d|200\.0) s ahead of this machine's; the newest write wins by the clock/,
  );
  expect(web).toMatch(
    /^warning Kafka Connect: its clock is (1[4-9]|20)\.\d s behind this machine's; .*`timedatectl set-ntp true`\.$/,
  );
});
