import { expect, test } from "bun:test";
import { writesCheck } from "../operations/doctor/writes.ts";
import { until } from "../runtime/until.ts";
import { startApi } from "./support/api.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { openDoctor } from "./support/doctor.ts";

const { closing, lines, namesWith } = openDoctor(import.meta.path);

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
