import { expect, test } from "bun:test";
import { namesOf } from "./names.ts";

test("names are unique and start with the name of their file", () => {
  const killed = namesOf("/project/test/faults/consumer-killed.test.ts");
  expect(killed.topic).toStartWith("t_consumer_killed_");
  expect(namesOf("/project/test/faults/consumer-killed.test.ts").topic).not.toBe(killed.topic);
});

test("the names are in the settings of started programs", () => {
  const { topic, deadLetterTopic, groupId, keyspace, config } = namesOf("pipeline.test.ts", { CONSUMER_PORT: "19464" });
  expect(config.kafka).toMatchObject({ topic, deadLetterTopic });
  expect(config.consumer.groupId).toBe(groupId);
  expect(config.cassandra.keyspace).toBe(keyspace);
  expect(config.ports.consumer).toBe(19_464);
});

test("a long file name gives a keyspace name that Cassandra accepts", () => {
  const name = `${"schema-registry-away-while-poison-records-arrive".repeat(2)}.test.ts`;
  expect(namesOf(name).keyspace.length).toBeLessThanOrEqual(48);
});
