import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { valueSubject } from "../contract/entity.ts";
import { validUsers } from "../contract/samples.ts";
import { avroSchema } from "../contract/wire.ts";
import { openRegistry } from "../runtime/registry.ts";
import { openBuiltTasks } from "./support/built-tasks.ts";
import { readTopic } from "./support/kafka.ts";

const { names, path, writeUsers, run, withTopic } = openBuiltTasks(import.meta.path);

test("producing to just-created topics logs nothing, although they have no leader yet", async () => {
  writeUsers("backup.jsonl", validUsers);
  for (let topic = 0; topic < 10; topic++) {
    const { more } = withTopic(`${names.topic}_new_${topic}`);
    const { code, log } = await run("produce", ["--input", "backup.jsonl", "--output", "produced.jsonl"], more);
    expect([code, log]).toEqual([0, ""]);
  }
});

test("a schema incompatible with the registered one ends produce with exit code 2 before anything is produced", async () => {
  const { more, config, topic } = withTopic(`${names.topic}_breaking`);
  const number = { type: "record", name: "User", namespace: "user_automation", fields: [{ name: "id", type: "int" }] };
  await openRegistry(config.schemaRegistry).register(valueSubject(topic), number);
  writeUsers("users.jsonl", validUsers);
  const { code, log } = await run("produce", ["--input", "users.jsonl", "--output", "produced.jsonl"], more);
  expect(code).toBe(2);
  expect(log).toContain(valueSubject(topic));
  expect(await readTopic(config, topic)).toEqual([]);
  expect(existsSync(path("produced.jsonl"))).toBe(false);
});

test("programs that register the same new schema concurrently all get its id", async () => {
  const { config, topic } = withTopic(`${names.topic}_at_once`);
  const register = () => openRegistry(config.schemaRegistry).register(valueSubject(topic), avroSchema);
  const ids = await Promise.all(Array.from({ length: 8 }, register));
  expect(ids.every((id) => id > 0 && id === ids[0])).toBe(true);
});

test("an unreachable broker or registry ends produce with exit code 1, and nothing counts as produced", async () => {
  writeUsers("users.jsonl", validUsers);
  const unreachable = { KAFKA_BROKERS: "127.0.0.1:1", SCHEMA_REGISTRY_URL: "http://127.0.0.1:1" };
  const attempts = Object.entries(unreachable).map(async ([setting, address]) => {
    const output = `${setting}.jsonl`;
    const { code, counts } = await run("produce", ["--input", "users.jsonl", "--output", output], {
      [setting]: address,
    });
    return { setting, code, counts, hasWritten: existsSync(path(output)) };
  });
  expect(await Promise.all(attempts)).toEqual(
    Object.keys(unreachable).map((setting) => ({ setting, code: 1, counts: null, hasWritten: false })),
  );
});
