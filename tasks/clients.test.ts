import { expect, test } from "bun:test";
import { join } from "node:path";

const clients = ["avsc", "cassandra-driver", "kafkajs", "ky", "postgres"];

// Loading a client takes tens of milliseconds, and a DAG run starts four tasks.
test.each([
  ["fetch", ["ky"]],
  ["format", []],
  ["backup", ["postgres"]],
  ["produce", ["avsc", "kafkajs", "ky"]],
])("%s loads only the clients that it needs", async (task, needed) => {
  const entry = join(import.meta.dir, `${task}.ts`);
  const { outputs } = await Bun.build({ entrypoints: [entry], target: "bun", packages: "external" });
  const imports = new Bun.Transpiler().scanImports(await outputs[0]!.text()).map(({ path }) => path.split("/")[0]!);
  expect(clients.filter((client) => imports.includes(client))).toEqual(needed);
});
