// Runs in turn: it uses the stack's DAG.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openAirflow } from "../operations/airflow.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";
import { superuserUrl } from "../stack/addresses.ts";
import { openInstance, project } from "../stack/instance.ts";
import { airflowEnvironment } from "../stack/services/airflow.ts";
import { outcomeOf } from "./support/outcome.ts";
import { controlStack } from "./support/stack.ts";

const folder = mkdtempSync(join(tmpdir(), "housekeeping-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file that, with its folder, was last changed some days ago. */
function plant(path: string, days: number) {
  const file = join(folder, path);
  const time = new Date(Date.now() - days * 86_400_000);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "{}\n");
  for (const each of [file, dirname(file)]) utimesSync(each, time, time);
}

test("old runs go, with their logs and files; those that are new, in use or the last ones stay", async () => {
  const stack = await controlStack();
  await until("airflow-housekeeping runs", async () =>
    (await stack.states()).some(({ name, state }) => name === "airflow-housekeeping" && state === "RUNNING"),
  );
  for (let index = 0; index < 12; index++) plant(`runs/old-${index}/users.jsonl`, 40 + index);
  plant("runs/new/users.jsonl", 29);
  plant("runs/in-use/checkpoint/offsets/0", 1);
  utimesSync(join(folder, "runs/in-use"), 0, 0);
  plant("logs/dag_id=x/run_id=old/attempt=1.log", 40);
  plant("logs/dag_id=x/run_id=new/attempt=1.log", 29);

  const instance = await openInstance(process.env);
  const airflow = await openAirflow(process.env, "user_stream_batch");
  const runs = await Promise.all(["old", "new", "last"].map((name) => airflow.trigger({}, `${name}-${Date.now()}`)));
  const [old, recent] = runs.map(({ dag_run_id }) => dag_run_id) as [string, string];
  // Ended, since the scheduler sets the start of a run that it starts.
  for (const { dag_run_id } of runs) await airflow.mark(dag_run_id, "failed");
  const sql = openPostgres(superuserUrl(instance, "airflow"), 1);
  for (const [run, days] of [
    [old, 40],
    [recent, 29],
  ] as const)
    await sql`UPDATE dag_run SET start_date = now() - make_interval(days => ${days}) WHERE run_id = ${run}`;

  const clean = async (more: Record<string, string>) => {
    const script = Bun.spawn(["bash", join(project, "script/housekeeping.sh"), "once"], {
      env: {
        ...process.env,
        ...airflowEnvironment(instance),
        PATH: `${dirname(instance.installed.tool("airflow"))}:${process.env.PATH}`,
        RUNS_DIR: join(folder, "runs"),
        AIRFLOW__LOGGING__BASE_LOG_FOLDER: join(folder, "logs"),
        ...more,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stdout, stderr } = await outcomeOf(script);
    return { code, output: stdout + stderr };
  };
  expect(await clean({ KEEP_RUN_DAYS: "30" })).toEqual({
    code: 0,
    output: expect.stringMatching(/housekeeping: removed .*old-11/),
  });

  const newestTen = ["new", ...Array.from({ length: 9 }, (_, index) => `old-${index}`)];
  expect(readdirSync(join(folder, "runs")).sort()).toEqual([...newestTen, "in-use"].sort());
  expect(existsSync(join(folder, "logs/dag_id=x/run_id=old/attempt=1.log"))).toBe(false);
  expect(existsSync(join(folder, "logs/dag_id=x/run_id=new/attempt=1.log"))).toBe(true);
  const left = (await airflow.runs()).map(({ dag_run_id }) => dag_run_id);
  expect([left.includes(old), left.includes(recent)]).toEqual([false, true]);

  writeFileSync(join(folder, "config.yaml"), "keep:\n  runDays: 20\n");
  expect(await clean({ KEEP_RUN_DAYS: "", CONFIG_FILE: join(folder, "config.yaml") })).toMatchObject({ code: 0 });
  expect(existsSync(join(folder, "logs/dag_id=x/run_id=new/attempt=1.log"))).toBe(false);
  expect(existsSync(join(folder, "runs/in-use/checkpoint/offsets/0"))).toBe(true);

  expect((await airflow.runs()).map(({ dag_run_id }) => dag_run_id)).not.toContain(recent);
  await sql.end();
});

test("Kafka's own topics begin a new segment at a size that bounds them, and the users' topics have unlimited retention", async () => {
  const config = loadConfig();
  const admin = openKafka(config, "test-housekeeping", openLog("test-housekeeping", "fatal")).admin();
  await admin.connect();
  const wanted = {
    "segment.bytes": ["__consumer_offsets", "connect-offsets", "connect-status"],
    "retention.ms": [config.kafka.topic, config.kafka.deadLetterTopic],
  };
  for (const [name, topics] of Object.entries(wanted)) {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((topic) => ({ type: 2, name: topic, configNames: [name] })),
    });
    for (const { resourceName, configEntries } of resources)
      expect([resourceName, configEntries[0]?.configValue]).toEqual([
        resourceName,
        name === "segment.bytes" ? "16777216" : "-1",
      ]);
  }
  await admin.disconnect();
});
