import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Admin, Consumer } from "kafkajs";
import { indexedField, publication, settledTopicOf, table } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { createCql, createSql, indexName } from "../contract/tables.ts";
import { deadLetterHeaders } from "../contract/topics.ts";
import { editSchema } from "../contract/user-edits.ts";
import { avroSchema } from "../contract/wire.ts";
import { captureChecksOf } from "../operations/doctor/capture.ts";
import { openClients } from "../operations/doctor/clients.ts";
import { clockCheck } from "../operations/doctor/clocks.ts";
import { consumerCheck } from "../operations/doctor/consumer.ts";
import { deadLettersCheck } from "../operations/doctor/dead-letters.ts";
import { examine } from "../operations/doctor/examine.ts";
import type { Check, Finding } from "../operations/doctor/finding.ts";
import { brokersCheck } from "../operations/doctor/kafka.ts";
import { registryCheck } from "../operations/doctor/registry.ts";
import { tableChecks } from "../operations/doctor/tables.ts";
import { topicsCheck } from "../operations/doctor/topics.ts";
import { writesCheck } from "../operations/doctor/writes.ts";
import { createTopics, openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { startApi } from "./support/api.ts";
import { openCapture } from "./support/capture.ts";
import { dropKeyspace, withCassandra } from "./support/cassandra.ts";
import { openLink } from "./support/link.ts";
import { type Names, namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";

setDefaultTimeout(120_000);
const log = openLog("test-doctor", "fatal");

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Names of a test's own; doctor looks only at what has them. */
const namesWith = (env: Record<string, string> = {}) => namesOf(import.meta.path, env);

/** What checks find, with the names' settings. */
async function findings(checks: Check[], { config, env }: Pick<Names, "config" | "env">, isNative = true) {
  const clients = openClients({ config, env, postgresUrl: config.postgres.url, isNative });
  try {
    return await examine(checks, clients, { withinMs: 8_000 });
  } finally {
    await Promise.race([clients.close(), Bun.sleep(500)]);
  }
}

/** Each finding on one line, as doctor prints it. */
const lines = async (...given: Parameters<typeof findings>) => (await findings(...given)).map(lineOf);
const lineOf = ({ severity, about, cause, cure }: Finding) => `${severity} ${about}: ${cause}. ${cure}.`;

async function openAdmin({ config }: Names): Promise<Admin> {
  const admin = openKafka(config, "test-doctor", log).admin();
  await admin.connect();
  closing.push(() => admin.disconnect());
  return admin;
}

async function linkTo(address: string, rewrite: (bytes: Buffer) => Buffer) {
  const { hostname, port } = new URL(address);
  const link = await openLink(hostname, Number(port), rewrite);
  closing.push(link.cut);
  return `127.0.0.1:${link.port}`;
}

describe("Kafka", () => {
  test("a broker that does not answer, and one that advertises an address that cannot be reached", async () => {
    const { config } = namesWith();
    expect(await lines([brokersCheck], namesWith())).toEqual([]);
    expect(await lines([brokersCheck, topicsCheck], namesWith({ KAFKA_BROKERS: "127.0.0.1:1" }))).toEqual([
      "error Kafka: does not work at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. " + "See `bun run logs kafka`.",
    ]);

    const [broker = ""] = config.kafka.brokers;
    const [host = "", port] = broker.split(":");
    const named = (name: string, port: number) => {
      const bytes = Buffer.alloc(2 + name.length + 4);
      bytes.writeInt16BE(name.length);
      bytes.write(name, 2);
      bytes.writeInt32BE(port, 2 + name.length);
      return bytes;
    };
    const [real, other] = [named(host, Number(port)), named("unknown.x", 9092)];
    expect(real.length).toBe(other.length);
    const bootstrap = await linkTo(`http://${broker}`, (bytes) => {
      for (let at = bytes.indexOf(real); at >= 0; at = bytes.indexOf(real, at)) other.copy(bytes, at);
      return bytes;
    });
    const [line, ...more] = await lines([brokersCheck, topicsCheck], namesWith({ KAFKA_BROKERS: bootstrap }));
    expect(more).toEqual([]);
    expect(line).toStartWith(
      `error Kafka: ${bootstrap} advertises unknown.x:9092, which cannot be reached from here: getaddrinfo ENOTFOUND`,
    );
  });

  test("topics: missing, with other partitions or replicas, and not keeping their records", async () => {
    const names = namesWith();
    const { topic, deadLetterTopic, config } = names;
    const { changeTopic, editTopic } = config.kafka;
    const settled = settledTopicOf(deadLetterTopic);
    const admin = await openAdmin(names);
    expect(await lines([topicsCheck], names)).toEqual([
      `error topic ${topic}, ${editTopic}, ${deadLetterTopic}, ${settled}, ${changeTopic}: does not exist. ` +
        "Restart the consumer, which creates its topics: `bun run down && bun run up`.",
    ]);

    const one = { numPartitions: 1, replicationFactor: 1 };
    const unlimited = { name: "retention.ms", value: "-1" };
    const compact = { name: "cleanup.policy", value: "compact" };
    await admin.createTopics({
      topics: [
        { ...one, topic, numPartitions: 3, configEntries: [unlimited] },
        { ...one, topic: editTopic, numPartitions: 4, configEntries: [unlimited, compact] },
        { ...one, topic: deadLetterTopic },
        { ...one, topic: settled, configEntries: [unlimited] },
        { ...one, topic: changeTopic, numPartitions: 2, configEntries: [unlimited] },
      ],
    });
    const keep = (topic: string, what: string, settings: string) =>
      `error topic ${topic}: does not keep its records (${what}), and they are nowhere else. ` +
      `Keep them: \`docker compose exec broker kafka-configs --bootstrap-server broker:29092 --alter --entity-type topics --entity-name ${topic} --add-config ${settings}\`.`;
    expect(await lines([topicsCheck], names, false)).toEqual([
      keep(editTopic, "cleanup.policy=compact", "cleanup.policy=delete"),
      keep(deadLetterTopic, "retention.ms=604800000", "retention.ms=-1"),
      keep(settled, "cleanup.policy=delete", "cleanup.policy=compact"),
      `warning topic ${topic}: has 3 partitions, and the settings say 4. ` +
        "Set kafka.partitions (KAFKA_PARTITIONS) to 3, since partitions cannot be removed and added ones move keys.",
      `warning topic ${changeTopic}: has 2 partitions, and the settings say 1. ` +
        "Its order needs one partition: create the topic again, and have its producer write it from the beginning.",
    ]);

    const cure = (await lines([topicsCheck], names)).find((line) => line.includes(`topic ${deadLetterTopic}:`));
    const [, command = ""] = /`bun run (.*?)`/.exec(cure!) ?? [];
    expect(await startProgram("stack/main.ts", command.split(" "), names.env).exited).toBe(0);
    expect((await lines([topicsCheck], names)).filter((line) => line.includes(`${deadLetterTopic}:`))).toEqual([]);

    const wanted = namesWith();
    await createTopics(admin, wanted.config);
    expect(await lines([topicsCheck], wanted)).toEqual([]);
    const three = { ...wanted.config, kafka: { ...wanted.config.kafka, replicationFactor: 3 } };
    const all = await lines([topicsCheck], { ...wanted, config: three });
    expect(all).toHaveLength(5);
    expect(all[0]).toStartWith(`warning topic ${wanted.topic}: has 1 replica of a partition, and the settings say 3.`);
  });
});

describe("the consumer", () => {
  const away = { CONSUMER_URL: "http://127.0.0.1:1" };
  const join = async (names: Names, eachMessage: () => Promise<void>): Promise<Consumer> => {
    const consumer = openKafka(names.config, "test-doctor", log).consumer({ groupId: names.groupId });
    await consumer.connect();
    closing.push(() => consumer.disconnect());
    await consumer.subscribe({ topics: [names.topic], fromBeginning: true });
    const joined = Promise.withResolvers<void>();
    consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
    await consumer.run({ eachMessage });
    await joined.promise;
    return consumer;
  };

  test("nobody in the group, records that were deleted unread, and a log that ends before the group's place", async () => {
    const names = namesWith({ ...away, KAFKA_PARTITIONS: "2" });
    const { topic, groupId } = names;
    const recorder = await openRecorder(names);
    closing.push(recorder.close);
    await recorder.sendUsers(40);
    expect(await lines([consumerCheck], names)).toEqual([
      `error the consumer: nobody is in the group ${groupId}, and nothing answers at http://127.0.0.1:1/; records to read: 40. ` +
        "Start it: `bun run up`; `bun run logs consumer` shows why it stopped.",
    ]);

    const admin = await openAdmin(names);
    await admin.setOffsets({
      groupId,
      topic,
      partitions: [
        { partition: 0, offset: "2" },
        { partition: 1, offset: "4711" },
      ],
    });
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "5" }] });
    const [deleted, again, nobody] = await lines([consumerCheck], names);
    expect(deleted).toBe(
      `error topic ${topic}: partition 0: records 2 to 4 were deleted before the consumer had read them. ` +
        "See what is missing in Cassandra: `bun run reconcile`.",
    );
    expect(again).toStartWith(
      `error topic ${topic}: partition 1: the consumer has read up to offset 4711, and the log ends at`,
    );
    expect(nobody).toContain("nobody is in the group");
  });

  test("a group that does not move; not one that is idle, has just been joined, or reads", async () => {
    const names = namesWith({ ...away, CONSUMER_STALLED_AFTER_MS: "1", KAFKA_PARTITIONS: "2" });
    const recorder = await openRecorder(names);
    closing.push(recorder.close);
    let gate = Promise.resolve();
    await join(names, () => gate);
    expect(await lines([consumerCheck], names)).toEqual([]); // idle
    await recorder.sendUsers(40);
    const reading = recorder.flow(400, 100);
    expect(await lines([consumerCheck], names)).toEqual([]);
    await reading;

    const open = Promise.withResolvers<void>();
    gate = open.promise;
    closing.push(async () => open.resolve());
    await recorder.sendUsers(40);
    const [stuck, ...more] = await lines([consumerCheck], names);
    expect(more).toEqual([]);
    expect(stuck).toMatch(
      /^error the consumer: the group \S+ does not move: it is at offset \d+ of \d+ in \S+, partition \d \(and 1 more like it\)\. See its log: `bun run logs consumer`\.$/,
    );
  });

  test("dead letters that are open, by reason, until they are settled", async () => {
    const names = namesWith();
    const { deadLetterTopic } = names;
    await createTopics(await openAdmin(names), names.config);
    expect(await lines([deadLettersCheck], names)).toEqual([]);
    const producer = openKafka(names.config, "test-doctor", log).producer();
    await producer.connect();
    closing.push(() => producer.disconnect());
    const letter = (reason: string) => ({ key: null, value: "x", headers: { [deadLetterHeaders.reason]: reason } });
    const messages = ["invalid_user", "undecodable", "invalid_user"].map(letter);
    await producer.send({ topic: deadLetterTopic, messages });
    const [line, ...more] = await lines([deadLettersCheck], names);
    expect(more).toEqual([]);
    expect(line).toMatch(
      /^warning dead letters: open in \S+: 2 invalid_user, 1 undecodable; the newest of 20\S+Z\. See them, then replay or dismiss them: `bun run dead-letters list`\.$/,
    );
    const settlement = { action: "dismissed", at: new Date().toISOString(), by: "test", because: "a test" };
    const settle = (offset: number) => ({
      key: `letter/0/${offset}`,
      value: JSON.stringify({ ...settlement, letter: `0:${offset}` }),
    });
    await producer.send({ topic: settledTopicOf(deadLetterTopic), messages: [0, 1, 2].map(settle) });
    expect(await lines([deadLettersCheck], names)).toEqual([]);
  });

  test("what the consumer itself says is a finding, with its remedy", async () => {
    const names = namesWith({ CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "1", KAFKA_PARTITIONS: "2" });
    const recorder = await openRecorder(names);
    closing.push(recorder.close, () => dropKeyspace(names.config));
    const consumer = startConsumer(names);
    closing.push(async () => consumer.signal("SIGKILL"));
    await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
    const [, url = ""] = /msg=listening url=(\S+)\//.exec(await consumer.output()) ?? [];
    const asked = { ...names, env: { ...names.env, CONSUMER_URL: url } };
    expect(await lines([consumerCheck], asked)).toEqual([]);
    const other = namesWith({ ...asked.env, CONSUMER_GROUP_ID: `${names.groupId}.other` });
    expect(await lines([consumerCheck], other)).toEqual([
      `error the consumer: nobody is in the group ${names.groupId}.other: the one at ${url}/ is in another; records to read: 0. ` +
        "Set CONSUMER_GROUP_ID to the consumer's own, or restart it with this one.",
    ]);

    const bad = Array.from({ length: 40 }, (_, index) => ({ key: `${index}`, value: Buffer.from("x"), user: null }));
    await recorder.sendRecords(bad);
    await until(
      "both partitions have stopped",
      async () => (await consumer.readiness()).split("too many").length === 3,
    );
    const [line, ...more] = await lines([consumerCheck], asked);
    expect(more).toEqual([]);
    expect(line).toMatch(
      /^error the consumer: topic \S+, partition \d: too many dead letters, more than 1 in a row .*: no_magic_byte \(and 1 more like it\)\. Fix what writes these records or what reads them, or raise that limit, and restart the consumer\.$/,
    );
    const link = await linkTo(url, (bytes) =>
      Buffer.from(bytes.toString("latin1").replace(/ 503 /, " 421 "), "latin1"),
    );
    const [odd] = await lines([consumerCheck], { ...names, env: { ...names.env, CONSUMER_URL: `http://${link}` } });
    expect(odd).toContain("/readyz answers 421");
    const { hostname, port } = new URL(url);
    const hung = await openLink(hostname, Number(port));
    closing.push(hung.cut);
    hung.hold();
    const silent = { ...names, env: { ...names.env, CONSUMER_URL: `http://rachel:secret@127.0.0.1:${hung.port}` } };
    expect(await lines([consumerCheck], silent)).toEqual([
      `error the consumer: http://127.0.0.1:${hung.port}/readyz accepts connections and does not answer within 4 s. See its log: \`bun run logs consumer\`.`,
    ]);
  });
});

test("an API that refuses writes although Kafka is there", async () => {
  const names = namesWith({ KAFKA_BROKERS: "127.0.0.1:1" });
  const api = await startApi(names.env);
  closing.push(
    () => dropKeyspace(names.config),
    async () => api.signal("SIGKILL"),
  );
  await until("it is ready", async () => (await fetch(`${api.url}/readyz`)).ok);
  const [line, ...more] = await lines([writesCheck], namesWith({ API_URL: api.url }));
  expect(more).toEqual([]);
  expect(line).toStartWith("error the API: it refuses writes: Kafka or the Schema Registry is unavailable");
  expect(line).toEndWith("see `bun run logs api`: its KAFKA_BROKERS may be another.");
  expect(await lines([writesCheck], names)).toEqual([]); // the stack's
});

describe("Schema Registry", () => {
  const put = async (url: string, method: string, body: unknown) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    expect(response.status).toBe(200);
  };

  test("the latest schema of a newer, an earlier or no contract, and a subject that accepts everything", async () => {
    const names = namesWith();
    const { url } = names.config.schemaRegistry;
    const subject = `${names.topic}-value`;
    const register = (schema: object) =>
      put(`${url}/subjects/${subject}/versions`, "POST", { schema: JSON.stringify(schema), schemaType: "AVRO" });
    const level = (compatibility: string) => put(`${url}/config/${subject}`, "PUT", { compatibility });
    expect(await lines([registryCheck], names)).toEqual([]); // nothing has been produced

    await register(avroSchema);
    expect(await lines([registryCheck], names)).toEqual([
      `warning subject ${subject}: its compatibility is NONE, so a schema that cannot be read would be accepted. ` +
        `Set it: \`curl -X PUT ${url}/config/${subject} -H 'Content-Type: application/json' -d '{"compatibility": "BACKWARD"}'\`.`,
    ]);
    await level("BACKWARD");
    expect(await lines([registryCheck], names)).toEqual([]);

    const height = { name: "height", type: ["null", "int"], default: null };
    await register({
      ...avroSchema,
      contract: [...avroSchema.contract, "height"],
      fields: [...avroSchema.fields, height],
    });
    expect(await lines([registryCheck], names)).toEqual([
      `warning subject ${subject}: version 2 has the field height: this version of the project is older than what produces. ` +
        "Update this machine's checkout or image, and roll it out as docs/new-field.md says.",
    ]);

    await level("NONE");
    await register({ type: "record", name: "Order", fields: [{ name: "total", type: "double" }] });
    await level("BACKWARD");
    const [foreign] = await lines([registryCheck], names);
    expect(foreign).toStartWith(`error subject ${subject}: version 3 is not of this project: `);
    expect(foreign).not.toContain("\n");

    const without = (name: string) => ({
      ...avroSchema,
      contract: avroSchema.contract.filter((each) => each !== name),
      fields: avroSchema.fields.filter((each) => each.name !== name),
    });
    await level("NONE");
    await register(without(changeable.long));
    await level("FULL_TRANSITIVE");
    const edited = `${names.config.kafka.editTopic}-value`;
    await put(`${url}/config/${edited}`, "PUT", { compatibility: "BACKWARD" });
    const fields = editSchema.fields.map((field) =>
      field.name === "user" ? { ...field, type: ["null", without(changeable.optional)] } : field,
    );
    const earlier = JSON.stringify({ ...editSchema, fields });
    await put(`${url}/subjects/${edited}/versions`, "POST", { schema: earlier, schemaType: "AVRO" });
    expect(await lines([registryCheck], names)).toEqual([
      `warning subject ${subject}: version 4 is of an earlier contract, without the field ${changeable.long}: nothing has produced with this one yet. ` +
        "Run the DAG once: its task produce registers the contract's schema.",
      `warning subject ${edited}: version 1 is of an earlier contract, without the field user.${changeable.optional}: nothing has produced with this one yet. ` +
        "Update the API: its next write registers the contract's schema.",
    ]);
  });
});

describe("tables", () => {
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
      `error Cassandra's ${keyspace}.${table}: lacks keyspace ${keyspace}, table ${table}, index ${indexName}. Add it: \`bun run migrate\`.`,
    ]);

    await sql.unsafe(createSql);
    await cql(...createCql(keyspace, own.config.cassandra.localDataCenter, 1));
    const index = `Cassandra's index ${keyspace}.${indexName}`;
    await until(
      "the index is built",
      async () => !(await lines(tableChecks, own)).some((line) => line.includes(index)),
    );
    expect(await lines(tableChecks, own)).toEqual([]);

    await sql.unsafe(`ALTER TABLE ${table} DROP COLUMN ${changeable.long}, ALTER COLUMN ${changeable.time} TYPE text`);
    await cql(
      `ALTER TABLE ${keyspace}.${table} DROP ${changeable.long}`,
      `DROP INDEX ${keyspace}.${indexName}`,
      `CREATE INDEX ${indexName} ON ${keyspace}.${table} (${changeable.text})`,
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
      `error ${index}: class_name is not set instead of StorageAttachedIndex, target is ${changeable.text} instead of ${indexedField}, ` +
        "case_sensitive is not set instead of false, normalize is not set instead of true. Create it again: " +
        `\`docker compose exec cassandra cqlsh -e "DROP INDEX ${keyspace}.${indexName}"\`, then \`docker compose run --rm operate migrate\`.`,
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
});

test("change capture: connector, task, slot, publication, replica identity and triggers", async () => {
  const capture = await openCapture(import.meta.path);
  const { connector, superuser, sql, slot } = capture;
  const checks = captureChecksOf({ connector: slot, slot });
  const own = { ...capture, ...namesWith({ ...capture.env, POSTGRES_URL: capture.url }) };
  const off = namesWith({ ...capture.env, POSTGRES_URL: capture.url, CDC_APPLY: "false" });
  const look = () => lines(checks, own);
  expect(await look()).toEqual([
    `error connector ${slot}: is not registered, so changes in PostgreSQL do not reach Cassandra. ` +
      `Register it: \`curl -X POST -H 'Content-Type: application/json' ${own.env.CONNECT_URL}/connectors/ -d @postgres-connector.json\`.`,
  ]);
  expect(await lines(checks, off)).toEqual([]);

  await connector.register();
  await until("it runs", async () => (await look()).length === 0);

  await sql.unsafe(`ALTER TABLE ${table} REPLICA IDENTITY DEFAULT; DROP TRIGGER ${table}_truncate ON ${table};
    ALTER PUBLICATION ${publication} DROP TABLE ${table}`);
  expect(await look()).toEqual([
    `error change capture in PostgreSQL: without the table ${table} in the publication ${publication}, REPLICA IDENTITY FULL of the table ${table}, ` +
      `the trigger ${table}_truncate, changes are lost or cannot be ordered. Apply contract/generated/change_capture.sql: \`bun run up\`.`,
  ]);
  await sql.unsafe(`DROP PUBLICATION ${publication}`);
  expect((await look())[0]).toContain(`without the publication ${publication}`);

  await connector.put("stop");
  const [stopped] = await look();
  expect(stopped).toStartWith(
    `error connector ${slot}: is stopped: changes in PostgreSQL wait, and its WAL grows. Resume it: `,
  );
  const segments = 33; // of 16 MB: just over half of the limit of 1 GB
  for (let segment = 0; segment < segments; segment++)
    await superuser`SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()`;
  const retained = (await look()).find((line) => line.includes("replication slot"));
  expect(retained).toMatch(
    new RegExp(
      `^warning replication slot ${slot}: holds back \\d{3} MB of WAL; at 1024 MB PostgreSQL drops it, and changes are lost\\. `,
    ),
  );

  await superuser`SELECT pg_drop_replication_slot(${slot})`;
  await connector.put("resume");
  await until("the task has failed", async () => (await connector.task()).state === "FAILED");
  const [failed] = await look();
  expect(failed).toStartWith(`error connector ${slot}: its task has failed: `);
  expect(failed).toContain("Start over with a new slot and a snapshot: curl -X PUT");
  expect(await lines(checks, off)).toEqual([]);
  await capture.close();
});

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
  expect(postgres).toMatch(
    /^error PostgreSQL: its clock is (199\.9|200\.0) s ahead of this machine's; the newest write wins by the clock/,
  );
  expect(web).toMatch(
    /^warning Kafka Connect: its clock is (18|19|20)\.\d s behind this machine's; .*`timedatectl set-ntp true`\.$/,
  );
});
