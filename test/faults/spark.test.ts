/** One job on one cluster through a sequence of failures, with 100,000 records. The tests depend on their order. */
// Runs alone: it stops Cassandra.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../../runtime/until.ts";
import { environmentOf } from "../../stack/environment.ts";
import type { Instance } from "../../stack/instance.ts";
import { clusterOf } from "../../stack/services/spark.ts";
import { openBrowser, openPage } from "../support/browser.ts";
import { dropKeyspace, readRows } from "../support/cassandra.ts";
import { readTopic } from "../support/kafka.ts";
import { namesOf } from "../support/names.ts";
import type { StartedProgram } from "../support/program.ts";
import { committedByJob, sparkProcesses, startCluster, startJob } from "../support/spark.ts";
import { controlStack, type StackControl } from "../support/stack.ts";
import { openRecorder, type Recorder } from "./records.ts";

const names = namesOf(import.meta.path);
const total = 100_000;
/** One in so many records is not a user. */
const poisonEvery = 1_000;

let cluster: Instance;
let stack: StackControl;
let recorder: Recorder;
let job: StartedProgram;

const start = () => startJob(names, "--max-records", "5000");

beforeAll(async () => {
  cluster = await startCluster();
  stack = await controlStack();
  recorder = await openRecorder(names);
});

afterAll(async () => {
  job?.signal("SIGTERM");
  await job?.exited;
  await recorder?.close();
  await dropKeyspace(names.config);
});

test("an application submitted without a worker starts when one joins", async () => {
  await stack.stop("spark-worker");
  await until("the master has no worker", async () => (await clusterOf(cluster)).aliveworkers === 0);
  job = start();
  await until("the application waits", async () => (await clusterOf(cluster)).activeapps[0]?.state === "WAITING");

  await stack.start("spark-worker");
  await send(1_000);
  await commits("the records are committed", (records) => records === recorder.acknowledged.size);
});

test("the master's UI shows the worker and the application, and the application's UI shows the query", async () => {
  const browser = await openBrowser();
  try {
    const page = await openPage(browser);
    await page.goto(environmentOf(cluster).SPARK_UI_URL);
    // The worker that was stopped is listed as DEAD for a while.
    const workers = page.locator(".aggregated-workers tbody tr");
    expect(await workers.filter({ hasText: "ALIVE" }).allTextContents()).toHaveLength(1);
    expect(await page.locator(".aggregated-activeApps tbody tr").allTextContents()).toEqual([
      expect.stringMatching(/user_stream[\s\S]*RUNNING/),
    ]);
    const [, ui] = /ui=(\S+)/.exec(await job.output()) ?? [];
    await page.goto(`${ui}/StreamingQuery/`);
    expect(await page.locator("body").textContent()).toMatch(/created_users[\s\S]*RUNNING/);
  } finally {
    await browser.close();
  }
});

test("with the executor and the driver killed and Cassandra down for 15 seconds, no record is lost", async () => {
  const half = send(total / 2 - recorder.acknowledged.size);
  await grows("before the executor is killed");
  kill("CoarseGrainedExecutorBackend");
  await grows("after the executor was killed");

  kill("user_stream.py");
  expect(await job.exited).not.toBe(0);
  job = start();
  await half;
  await grows("after the driver was killed");

  await stack.stop("cassandra");
  const rest = send(total - recorder.acknowledged.size);
  await Bun.sleep(15_000);
  await stack.start("cassandra");
  await rest;
  await commits("all is committed", (records) => records === total, 240_000);

  expect(recorder.acknowledged.size).toBe(total);
  const [rows, letters] = [await readRows(names.config), await readTopic(names.config, names.deadLetterTopic)];
  const users = new Map([...recorder.acknowledged].filter(([, user]) => user !== null));
  const poison = new Set([...recorder.acknowledged].filter(([, user]) => user === null).map(([key]) => key));
  expect(rows.size).toBe(users.size);
  expect([...users].filter(([id, user]) => !Bun.deepEquals(rows.get(id), user)).slice(0, 3)).toEqual([]);
  // Dead letters may be duplicated, because an interrupted batch is restarted.
  expect(new Set(letters.map(({ key }) => key ?? ""))).toEqual(poison);
  expect(new Set(letters.map(({ headers }) => headers["__connect.errors.exception.class.name"]))).toEqual(
    new Set(["no_value"]),
  );
}, 900_000);

test("SIGTERM ends the job with exit code 0", async () => {
  job.signal("SIGTERM");
  expect(await job.exited).toBe(0);
});

async function grows(when: string) {
  const before = await committedByJob(names);
  await commits(`more is committed ${when}`, (records) => records > before);
}

/** Waits until the number of committed records satisfies `suffice`; on timeout the error has the job's last lines. */
async function commits(what: string, suffice: (records: number) => boolean, withinMs?: number) {
  const probe = async () => {
    const records = await committedByJob(names);
    if (suffice(records)) return true;
    const lastLines = (await job.output()).trim().split("\n").slice(-20);
    throw new Error(`${records} committed; the job's last lines:\n${lastLines.join("\n")}`);
  };
  await until(what, probe, { withinMs, everyMs: 50 });
}

function kill(word: string) {
  const pids = sparkProcesses(cluster, word);
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, "SIGKILL");
}

let poisoned = 0;

/** Sends records, some of which are not users. */
async function send(count: number) {
  const poison = Math.floor(count / poisonEvery);
  for (let left = count - poison; left > 0; left -= 5_000) await recorder.sendUsers(Math.min(left, 5_000));
  const keys = Array.from({ length: poison }, () => `poison-${poisoned++}`);
  await recorder.sendRecords(keys.map((key) => ({ key, value: null, user: null })));
}
