// Runs alone: it stops every service and damages some.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { slot } from "../contract/entity.ts";
import { type Airflow, dagId, openAirflow } from "../operations/airflow.ts";
import { openConnector } from "../operations/connector.ts";
import { exitsOf } from "../operations/doctor/exits.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { superuserUrl } from "../stack/addresses.ts";
import { registerConnector } from "../stack/change-capture.ts";
import { type Instance, openInstance, project } from "../stack/instance.ts";
import { type Supervisor, supervisorOf } from "../stack/supervisor/client.ts";
import { outcomeOf } from "./support/outcome.ts";
import { controlStack, type StackControl } from "./support/stack.ts";

setDefaultTimeout(900_000);

let stack: StackControl;
let instance: Instance;
let supervisor: Supervisor;
let airflow: Airflow;
const path = (...names: string[]) => join(instance.folder, ...names);

const run = (argv: string[]) =>
  outcomeOf(
    Bun.spawn([process.execPath, "--no-env-file", ...argv], { cwd: project, stdio: ["ignore", "pipe", "pipe"] }),
  );

/** What doctor prints, its exit code, and how long it took; with a file that it runs first. */
async function doctor(preload?: string) {
  const since = performance.now();
  const { stdout, code } = await run([...(preload ? ["--preload", preload] : []), "operate/main.ts", "doctor"]);
  return { lines: stdout.trimEnd().split("\n"), code, tookMs: performance.now() - since };
}

/** Resolves with what doctor prints once a line begins so, the first one if it `isFirst`. */
const says = (line: string, { isFirst = false } = {}) =>
  until(`doctor says ${line}`, async () => {
    const found = await doctor();
    const lines = isFirst ? found.lines.slice(0, 1) : found.lines;
    if (!lines.some((each) => each.startsWith(line))) throw new Error(found.lines.join("\n"));
    return found;
  });

beforeAll(async () => {
  [stack, airflow, instance] = await Promise.all([controlStack(), openAirflow(), openInstance()]);
  supervisor = supervisorOf(instance);
  const log = readFileSync(path("logs", "supervisord.log"), "utf8");
  for (const { name } of await stack.states()) if (exitsOf(name, log).length > 0) await restart(name); // by other tests
  await airflow.unpause();
  await registerConnector(instance, AbortSignal.timeout(180_000));
  for (const { dag_run_id } of await airflow.runs()) await airflow.ended(dag_run_id);
});

/** What has to be undone even if a test fails: otherwise the stack would not start again. */
const cleanUps: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
  const { name } = await Bun.file(join(project, "postgres-connector.json")).json();
  const connector = openConnector({ url: process.env.CONNECT_URL ?? "" }, name);
  await connector.put("stop");
  // Without a slot these would keep the next connector of that name from starting.
  await until("its offsets are deleted", async () => (await connector.deleteOffsets()).ok);
  await connector.remove();
  const sql = openPostgres(superuserUrl(instance, "users"), 1);
  await until("the slot is dropped", async () => {
    await sql`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${slot}`;
    return true;
  });
  await sql.end({ timeout: 1 });
});

async function restart(program: string) {
  await stack.stop(program);
  await stack.start(program);
}

test("on a healthy stack nothing is found", async () => {
  const { lines, code, tookMs } = await says("nothing found");
  expect({ lines, code }).toEqual({ lines: ["nothing found"], code: 0 });
  expect(tookMs).toBeLessThan(10_000);
  const status = await run(["stack/main.ts", "status"]);
  expect(status.code).toBe(0);
  expect(status.stdout).not.toMatch(/^(error|warning) /m);
});

test("a program that was killed is named, though it runs again", async () => {
  await stack.kill("api");
  await says("error    the API: api was killed (SIGKILL) 1 time in the last hour");
  await restart("api");
});

test("a service that hangs is named first, in less than ten seconds, and what needs it is left out", async () => {
  const slowly = path("run", "slow-start.ts"); // as on a busy machine
  writeFileSync(slowly, "const since = performance.now();\nwhile (performance.now() - since < 4_000);\n");
  for (const preload of [undefined, slowly]) {
    await supervisor.signal("kafka", "STOP");
    try {
      const { lines, code, tookMs } = await doctor(preload);
      expect(lines).toEqual([expect.stringMatching(/^error +Kafka: .*(no answer within \d\.\d s|timed out)/)]);
      expect(code).toBe(1);
      expect(tookMs).toBeLessThan(10_000);
    } finally {
      await supervisor.signal("kafka", "CONT");
    }
    await says("nothing found");
  }
  rmSync(slowly);
});

test("an error of `up` ends with what doctor says", async () => {
  const file = path("data", "kafka", "log", "meta.properties");
  const original = readFileSync(file, "utf8");
  await stack.stop("kafka");
  writeFileSync(file, original.replace(/^node\.id=.*$/m, "node.id=7"));
  const { code, stderr } = await run(["stack/main.ts", "up"]);
  writeFileSync(file, original);
  await stack.start("kafka");
  expect(code).toBe(1);
  const lines = stderr.trimEnd().split("\n");
  expect(stderr).toMatch(/^✘ Kafka \(kafka\) crashed (twice|\d+ times) during start-up$/m);
  expect(lines.at(-1)).toMatch(
    /^error +Kafka: kafka exited \d+ times in the last hour, last at \d\d:\d\d \(exit status 1\): .*node id 7/,
  );
});

test("a program that ran out of memory is named", async () => {
  const script = path("run", "kafka.sh");
  const original = readFileSync(script, "utf8");
  await stack.stop("kafka");
  writeFileSync(script, original.replace("-Xms256m -Xmx512m", "-Xms24m -Xmx24m"));
  await supervisor.start("kafka");
  await says("error    Kafka: kafka ran out of memory (Java's OutOfMemoryError) and exited");
  await supervisor.stop("kafka");
  writeFileSync(script, original);
  await supervisor.start("kafka");
});

test("with one service down each, doctor names that one first; then a broken DAG, a paused one and a silent scheduler", async () => {
  const script = path("run", "airflow-dag-processor.sh");
  const original = readFileSync(script, "utf8");
  cleanUps.push(async () => {
    await supervisor.signal("airflow-scheduler", "CONT");
    writeFileSync(script, original);
    await restart("airflow-dag-processor");
    rmSync(dags, { recursive: true, force: true });
  });
  const [dags, brokenDag] = [path("dags"), path("dags", "broken_by_test.py")];
  cpSync(join(project, "dags"), dags, { recursive: true });
  writeFileSync(brokenDag, "from airflow.sdk import DAG, NoSuchThing\n");
  writeFileSync(script, original.replace(/(AIRFLOW__CORE__DAGS_FOLDER)=.*/, `$1=${dags}`));
  await restart("airflow-dag-processor");
  await airflow.pause();
  await supervisor.signal("airflow-scheduler", "STOP"); // noticed after 30 s
  const programs = {
    postgres: "PostgreSQL: it was stopped.",
    kafka: "Kafka: it was stopped.",
    cassandra: "Cassandra: it was stopped.",
    "schema-registry": "Schema Registry: it was stopped.",
    connect: "Kafka Connect: it was stopped.",
    "airflow-dag-processor": "Airflow: airflow-dag-processor was stopped.",
    source: "the embedded source: it was stopped.",
    consumer: "the consumer: it was stopped.",
    api: "the API: it was stopped.",
  };
  for (const [program, line] of Object.entries(programs)) {
    await stack.stop(program);
    // The service before may still be starting.
    const { code, tookMs } = await says(`error    ${line} Start it with \`bun run up\`.`, { isFirst: true });
    expect(code).toBe(1);
    expect(tookMs).toBeLessThan(10_000);
    if (program === "api") {
      const status = await run(["stack/main.ts", "status"]);
      expect(status.stdout.trimEnd().split("\n").at(-1)).toStartWith(`error    ${line}`);
    }
    await stack.start(program);
  }

  await says("error    Airflow: its scheduler has sent no heartbeat since 2");
  await says(
    "error    dags/broken_by_test.py: Airflow cannot import it: ImportError: cannot import name 'NoSuchThing'",
  );
  await says(`warning  DAG ${dagId}: it is paused, so no run starts.`);
  await supervisor.signal("airflow-scheduler", "CONT");
  rmSync(brokenDag);
  await airflow.unpause();
  await says("nothing found");
});
