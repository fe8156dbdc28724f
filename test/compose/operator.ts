/** The operator's commands in containers, as `docker compose run --rm operate COMMAND`. */
import { changeTopic, table, topic } from "../../contract/entity.ts";
import { changeable } from "../../contract/samples.ts";
import { keyOf } from "../../contract/topics.ts";
import { encode } from "../../contract/wire.ts";
import type { Finding } from "../../operations/doctor/finding.ts";
import type { Report as Forgotten } from "../../operations/forget/forget.ts";
import { until } from "../../runtime/until.ts";
import { resolveConfig } from "../../sources/config.ts";
import { newUser, openRecorder } from "../faults/records.ts";
import type { ComposeProject } from "./project.ts";
import { addressOf, sql, userOf, usersOf } from "./scenario.ts";

/** They find nothing wrong, with all that has happened so far, and one user's whole way. */
export async function operatorsSeeEverything(platform: ComposeProject, edited: string): Promise<void> {
  await doctorFinds(platform, []);
  const report = await platform.operate<{ users: number; faults: number; notes: string[] }>("reconcile");
  if (report.faults > 0 || report.users !== (await usersOf(platform)).length || report.notes.length > 0)
    throw new Error(`reconcile reported ${JSON.stringify(report)}`);
  const way = JSON.stringify(await platform.operate("where", edited));
  for (const stage of ["raw.jsonl", "users_created", changeTopic])
    if (!way.includes(stage)) throw new Error(`where does not tell of ${stage}: ${way}`);
}

/** `migrate` names itself as the cure, and adds a column that a volume of an earlier version lacks. */
export async function volumesAreMigrated(platform: ComposeProject): Promise<void> {
  await sql(platform, `ALTER TABLE ${table} DROP COLUMN ${changeable.optional}`);
  await doctorFinds(platform, [[`PostgreSQL's ${table}`, "run --rm operate migrate"]]);
  const report = JSON.stringify(await platform.operate("migrate"));
  if (!report.includes(`column ${changeable.optional} text`)) throw new Error(`migrate reported ${report}`);
  await sql(platform, `SELECT ${changeable.optional} FROM ${table} LIMIT 1`);
}

/** Of two records that cannot be stored, one is repaired and then in the table, and one dismissed. */
export async function deadLettersAreSettled(platform: ComposeProject): Promise<void> {
  const config = resolveConfig("", {
    KAFKA_BROKERS: `localhost:${platform.env.KAFKA_PORT}`,
    SCHEMA_REGISTRY_URL: addressOf(platform, "SCHEMA_REGISTRY_PORT"),
  });
  const recorder = await openRecorder({ config });
  const user = newUser();
  await recorder.sendRecords([
    { key: keyOf(user), value: encode({ ...user, [changeable.text]: "" }, recorder.schemaId), user: null },
    { key: "poison", value: Buffer.from("not a user"), user: null },
  ]);
  await recorder.close();

  const letters = (...args: string[]) => platform.operate<Record<string, unknown>>("dead-letters", ...args);
  await until("both have a dead letter", async () => {
    const { open } = await letters("list");
    return Bun.deepEquals(open, { invalid_user: 1, no_magic_byte: 1 });
  });
  await doctorFinds(platform, [["dead letters", "run --rm operate dead-letters list"]]);
  const { letters: each } = await letters("list", "--each", "--reason", "no_magic_byte");
  const [{ offset }] = each as [{ offset: string }];
  const shown = JSON.stringify(await letters("show", offset));
  if (!shown.includes("not a user")) throw new Error(`show does not show the record: ${shown}`);

  await letters("replay", "--reason", "invalid_user", "--set", `${changeable.text}=Rachel`);
  await letters("dismiss", offset, "--because", "a test");
  await until("it is in Cassandra", async () => (await userOf(platform, user.id))[changeable.text] === "Rachel");
  await doctorFinds(platform, []);
}

/** A user is taken out of everything, the files of Airflow's runs included, and the API no longer has them. */
export async function userIsForgotten(platform: ComposeProject, kept: string): Promise<void> {
  const { id = "" } = (await usersOf(platform)).find((user) => user.id !== kept) ?? {};
  const report = await platform.operate<Forgotten>("forget", id);
  const removed = new Map(report.places.map(({ place, found }) => [place, found]));
  // Cassandra's row may be gone by then: the consumer applies the deletion in PostgreSQL.
  for (const place of ["PostgreSQL", "runs", topic])
    if (!removed.get(place)) throw new Error(`forget removed nothing from ${place}: ${JSON.stringify(report)}`);
  if (report.forgotten !== 1) throw new Error(`forget reported ${JSON.stringify(report)}`);
  if ((await usersOf(platform)).some((user) => user.id === id)) throw new Error(`${id} is still in Cassandra`);
}

/** The table that is rebuilt from the topics equals the live one. */
export async function tableIsRebuilt(platform: ComposeProject): Promise<void> {
  const report = await platform.operate<object>("rebuild", "--into", "spark_streams_rebuilt", "--compare");
  if (report.code !== 0) throw new Error(`rebuild reported ${JSON.stringify(report)}`);
}

/**
 * With a service down, doctor names it and the command that starts it, and nothing that follows from it. What everything
 * needs is stopped alone; of the others, those that do not need each other together.
 */
export async function outagesAreNamed(platform: ComposeProject): Promise<void> {
  const alone = { broker: "Kafka", cassandra: "Cassandra", postgres: "PostgreSQL" };
  for (const [service, about] of Object.entries(alone)) {
    await platform.compose("stop", service);
    const [finding] = await doctorFinds(platform, [[about, `up -d ${service}`]]);
    const [, cure = ""] = /`docker compose (.*?)`/.exec(finding?.cure ?? "") ?? [];
    await platform.compose(...cure.split(" "), "--wait");
    await until("nothing is wrong", () => doctorFinds(platform, []), { withinMs: 120_000 });
  }
  await platform.compose(
    ...["stop", "consumer", "consumer-metrics", "api", "console", "source"],
    ...["airflow-scheduler", "airflow-dag-processor", "spark-worker"],
  );
  await doctorWillFind(platform, [
    ["the embedded source", "up -d source"],
    ["the console", "up -d console"],
    ["the API", "up -d api"],
    ["the consumer", "up -d consumer"],
    ["Airflow", "up -d airflow-scheduler"],
    ["Airflow", "up -d airflow-dag-processor"],
    ["Spark", "up -d spark-worker"],
  ]);
  await platform.compose("stop", "schema-registry", "connect", "airflow-apiserver", "spark-master");
  await doctorWillFind(platform, [
    ["Schema Registry", "up -d schema-registry"],
    ["Kafka Connect", "up -d connect"],
    ["Airflow", "up -d airflow-apiserver"],
    ["the embedded source", "up -d source"],
    ["the console", "up -d console"],
    ["Spark", "up -d spark-master"],
    ["the API", "up -d api"],
  ]);
}

/** The same within two minutes: Airflow calls a scheduler healthy for half a minute after its last heartbeat. */
const doctorWillFind = (platform: ComposeProject, wanted: [about: string, command: string][]) =>
  until("doctor names what was stopped", () => doctorFinds(platform, wanted), { withinMs: 120_000 });

/** @throws unless doctor finds exactly this, in this order: what it is about, and a `docker compose` command in its cure */
export async function doctorFinds(
  platform: ComposeProject,
  wanted: [about: string, command: string][],
): Promise<Finding[]> {
  const { findings } = await platform.operate<{ findings: Finding[] }>("doctor");
  const isWanted = findings.every(
    ({ about, cure }, index) =>
      about === wanted[index]?.[0] &&
      cure.includes(`\`docker compose ${wanted[index]?.[1]}\``) &&
      !cure.includes("bun run"),
  );
  if (!isWanted || findings.length !== wanted.length)
    throw new Error(`doctor was to find ${JSON.stringify(wanted)}, and found ${JSON.stringify(findings)}`);
  return findings;
}
