/** What docker-compose.cluster.yml is for: a broker and a Cassandra node die, and nothing is lost. */
import { until } from "../../runtime/until.ts";
import { resolveConfig } from "../../sources/config.ts";
import { openRecorder } from "../faults/records.ts";
import { doctorFinds } from "./operator.ts";
import type { ComposeProject } from "./project.ts";
import { addressOf, usersOf } from "./scenario.ts";

/**
 * While records flow, a broker and then a node are killed. All that Kafka has acknowledged is readable while both are down,
 * and nothing is wrong once they are back.
 */
export async function killedServersLoseNothing(platform: ComposeProject): Promise<void> {
  const ports = ["KAFKA_PORT", "KAFKA_2_PORT", "KAFKA_3_PORT"].map((name) => platform.env[name]);
  const config = resolveConfig("", {
    KAFKA_BROKERS: ports.map((port) => `localhost:${port}`).join(","),
    KAFKA_REPLICATION_FACTOR: "3",
    SCHEMA_REGISTRY_URL: addressOf(platform, "SCHEMA_REGISTRY_PORT"),
  });
  const recorder = await openRecorder({ config });
  const { acknowledged } = recorder;
  const flowing = recorder.flow(6_000, 100);
  const reach = (count: number) =>
    Promise.race([flowing, until(`${count} records are acknowledged`, () => acknowledged.size >= count, { withinMs })]);
  await reach(1_000);
  await platform.compose("kill", "broker-2");
  await reach(3_000);
  await platform.compose("kill", "cassandra-3");
  await flowing;
  await recorder.close();
  await until(
    "every acknowledged record is in Cassandra",
    async () => {
      const stored = new Set((await usersOf(platform)).map(({ id }) => id));
      const missing = [...acknowledged.keys()].filter((id) => !stored.has(id));
      if (missing.length > 0) throw new Error(`${missing.length} of ${acknowledged.size} are missing`);
      return true;
    },
    { withinMs, everyMs: 2_000 },
  );

  await platform.compose("up", "--detach", "--wait");
  await until("nothing is wrong", () => doctorFinds(platform, []), { withinMs, everyMs: 5_000 });
  const report = await platform.operate<{ users: number; faults: number }>("reconcile");
  if (report.faults > 0 || report.users < acknowledged.size)
    throw new Error(`reconcile reported ${JSON.stringify(report)}`);
}

/** Generous, for containers on a busy machine. */
const withinMs = 300_000;
