/** Every shell block in README.md and docs/ is run unchanged on the real services, or is listed here as skipped. */
// Runs in turn: it uses everything that the stack has.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Airflow, openAirflow } from "../operations/airflow.ts";
import { allSettings } from "../sources/config.ts";
import { project } from "../stack/instance.ts";
import { type Checkout, openCheckout } from "./support/checkout.ts";

interface Expected {
  /** Text that identifies the block. The first matching entry applies. */
  has: string;
  /** Why it is not run; otherwise patterns in its output, and the number of lines in files that it writes. */
  skipped?: string;
  prints?: RegExp[];
  writes?: Record<string, number>;
  /** It takes a minute, so it begins before the others. */
  beginsFirst?: boolean;
}

const expected: Expected[] = [
  { has: "kubectl", skipped: "it needs a Kubernetes cluster" },
  { has: "helm upgrade", skipped: "it needs a Kubernetes cluster" },
  { has: "docker build", skipped: "`bun run test:compose` builds the same image" },
  { has: "docker compose", skipped: "`bun run test:compose` does the same on a Docker engine" },
  { has: "npx -y bun@1.4.5 run demo", skipped: "it starts a stack, and this test already runs on one" },
  { has: "npx -y bun@1.4.5 run test", skipped: "it runs this test" },
  { has: "RANDOMUSER_URL=https://randomuser.me", skipped: "a line for .env, which needs internet access" },
  { has: "bun run up --secure", skipped: "it would change this stack; test/secure.test.ts starts one of its own" },
  { has: "bun run up --cluster", skipped: "it would start another stack; test/cluster/ starts one of its own" },
  { has: "bun run chaos", skipped: "it takes an hour; test/cluster/ does a part of it" },
  { has: "kill -9", skipped: "it needs a cluster; test/cluster/ does the same" },
  { has: "ca.crt", skipped: "it needs a secure stack; test/secure.test.ts asks the same servers" },
  { has: "run up --spark", skipped: "it runs until Ctrl-C; test/faults/spark.test.ts submits the same job" },
  { has: "spark-submit --master yarn", skipped: "it needs three clusters" },
  { has: "airflow dags trigger user_automation", prints: [/user_automation/, /queued/] },
  { has: "api/v2/dags/user_automation/dagRuns", prints: [/"dag_run_id":"manual__[^"]+"/, /"conf":\{"users":500/] },
  {
    has: "fetch --every 1s --for 60s",
    prints: Array.from({ length: 4 }, () => /"read":60,"written":60,"rejected":0/),
    writes: { "produced.jsonl": 60 },
    beginsFirst: true,
  },
  {
    has: "curl localhost:5000/count",
    prints: [
      /^\{"count":\d+/,
      /"id":"[0-9a-f-]{36}"/,
      /HTTP\/1\.1 201 Created/,
      /\{"id":"c7a41086-06e3-4bfe-9c40-4e9da2df42c8","first_name":"Rachel"/,
      /"phone":"021-892-1751"/,
      /HTTP\/1\.1 204 No Content/,
    ],
  },
  { has: "If-Match: $etag", prints: [/HTTP\/1\.1 200 OK.*HTTP\/1\.1 412 Precondition Failed/s] },
  {
    has: "localhost:8083/connectors/ -d @postgres-connector.json",
    prints: [/HTTP\/1\.1 (201 Created|409 Conflict)/, /postgres-created-users/],
  },
  { has: 'bun run sql "UPDATE created_users', prints: [/^\{"id":"[0-9a-f-]{36}",.*"last_name":"Ó Ceallaigh"/] },
];

// test/your-own-record.test.ts runs the blocks of that page, in a copy of the project.
const files = ["README.md", ...new Bun.Glob("docs/**/*.md").scanSync({ cwd: project })].filter(
  (file) => file !== "docs/your-own-record.md",
);
const blocks = files.flatMap((file) => {
  const text = readFileSync(join(project, file), "utf8");
  return [...text.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, lines = ""]) => ({
    file,
    lines,
    name: `${file}: ${lines.split("\n")[0]}`,
    known: expected.find(({ has }) => lines.includes(has)),
  }));
});

/** The lines with the ports of this test's stack. */
const onThisStack = (lines: string) =>
  allSettings
    .filter(({ path }) => path[0] === "ports")
    .reduce(
      (text, { env, default: port }) => text.replaceAll(`localhost:${port}`, `localhost:${process.env[env]}`),
      lines,
    );

let airflow: Airflow;
let checkout: Checkout;
/** Runs of other tests, some of which were to fail. */
let earlier: Set<string>;
const begun = new Map<string, ReturnType<Checkout["run"]>>();
const run = (lines: string) => begun.get(lines) ?? checkout.run(onThisStack(lines), process.env);
beforeAll(async () => {
  checkout = openCheckout();
  for (const { lines, known } of blocks) if (known?.beginsFirst) begun.set(lines, run(lines));
  airflow = await openAirflow();
  await airflow.unpause();
  earlier = new Set((await airflow.runs()).map((run) => run.dag_run_id));
  const { dag_run_id } = await airflow.trigger({ users: 5 });
  expect((await airflow.ended(dag_run_id)).state).toBe("success");
});
afterAll(() => checkout?.close());

test("every block is listed, and every entry matches a block", () => {
  expect(blocks.filter(({ known }) => !known).map(({ name }) => name)).toEqual([]);
  expect(expected.filter((entry) => !blocks.some(({ known }) => known === entry))).toEqual([]);
});

describe("does what the documentation says", () => {
  for (const { name, lines, known } of blocks) {
    if (!known || known.skipped) continue;
    test(name, async () => {
      const { code, stdout, stderr } = await run(lines);
      expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
      let rest = `${stdout}\n${stderr}`;
      for (const words of known.prints ?? []) {
        expect(rest).toMatch(words);
        rest = rest.slice((words.exec(rest)?.index ?? 0) + 1);
      }
      for (const [file, count] of Object.entries(known.writes ?? {})) {
        const written = readFileSync(join(checkout.folder, file), "utf8").trimEnd().split("\n");
        expect([file, written.length]).toEqual([file, count]);
      }
    });
  }
});

test("the triggered runs succeed", async () => {
  const runs = (await airflow.runs()).filter((run) => !earlier.has(run.dag_run_id));
  expect(runs.length).toBeGreaterThan(1);
  for (const { dag_run_id } of runs)
    expect([dag_run_id, (await airflow.ended(dag_run_id)).state]).toEqual([dag_run_id, "success"]);
});
