import { expect, test } from "bun:test";
import { forgottenTopicOf, settledTopicOf } from "../contract/entity.ts";
import { brokersCheck } from "../operations/doctor/kafka.ts";
import { topicsCheck } from "../operations/doctor/topics.ts";
import { transactionsCheck } from "../operations/doctor/transactions.ts";
import { createTopics } from "../runtime/kafka/topics.ts";
import { openDoctor } from "./support/doctor.ts";
import { startProgram } from "./support/program.ts";

const { closing, kafkaOf, lines, linkTo, namesWith, openAdmin } = openDoctor(import.meta.path);

test("a broker that does not answer, and one that advertises an address that cannot be reached", async () => {
  const { config } = namesWith();
  expect(await lines([brokersCheck], namesWith())).toEqual([]);
  expect(await lines([brokersCheck, topicsCheck], namesWith({ KAFKA_BROKERS: "127.0.0.1:1" }))).toEqual([
    "error Kafka: does not work at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. " +
      "See its log: `bun run logs kafka`.",
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
  const [settled, forgotten] = [settledTopicOf(deadLetterTopic), forgottenTopicOf(topic)];
  const admin = await openAdmin(names);
  expect(await lines([topicsCheck], names)).toEqual([
    `error topic ${topic}, ${editTopic}, ${deadLetterTopic}, ${settled}, ${forgotten}, ${changeTopic}: does not exist. ` +
      "Restart the consumer: `bun run down && bun run up`, which creates its topics.",
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
      { ...one, topic: forgotten },
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
    keep(forgotten, "cleanup.policy=delete", "cleanup.policy=compact"),
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
  const [scarce, ...others] = await lines([topicsCheck], { ...wanted, config: three });
  expect(others).toEqual([]);
  expect(scarce).toStartWith(
    `warning Kafka: fewer replicas than the 3 of the settings: ${wanted.topic} (1), ${wanted.config.kafka.editTopic} (1), `,
  );
  expect(scarce).toEndWith(
    "Add them: `bun run migrate --replicas`; or set kafka.replicationFactor (KAFKA_REPLICATION_FACTOR) lower.",
  );
});

test("a transaction that stays open, and the command that ends it", async () => {
  const names = namesWith();
  const { topic } = names;
  await createTopics(await openAdmin(names), names.config);
  const producer = kafkaOf(names).producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  closing.push(() => producer.disconnect());
  const send = async (partition: number, ageMs: number) => {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: "a", partition, timestamp: String(Date.now() - ageMs) }] });
    return transaction;
  };
  const recent = await send(1, 0);
  expect(await lines([transactionsCheck], names)).toEqual([]);
  await recent.commit();

  await send(2, 10 * 60_000);
  const command = `abort --topic ${topic} --partition 2 --start-offset 0`;
  const finding = (cure: string, operate: string) =>
    `error topic ${topic}: partition 2: a transaction has been open for more than 2 minutes, so nothing from offset 0 on ` +
    `can be read (1 offset). End it without what it wrote: \`${cure} ${command}\`. Then see what is missing: \`${operate} reconcile\`.`;
  expect(await lines([transactionsCheck], names, false)).toEqual([
    finding(
      "docker compose exec broker kafka-transactions --bootstrap-server broker:29092",
      "docker compose run --rm operate",
    ),
  ]);
  expect(await lines([transactionsCheck], names)).toEqual([finding("bun run kafka-transactions", "bun run")]);
  expect(await startProgram("stack/main.ts", ["kafka-transactions", ...command.split(" ")], names.env).exited).toBe(0);
  expect(await lines([transactionsCheck], names)).toEqual([]);
});
