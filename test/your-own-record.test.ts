/** docs/your-own-record.md, followed to the letter in a copy of the project, ends in a pipeline that carries orders. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { project } from "../stack/instance.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { freePort } from "./support/free-port.ts";
import { namesOf } from "./support/names.ts";
import { outcomeOf } from "./support/outcome.ts";
import { plainEnvironment } from "./support/plain-environment.ts";
import { openProjectCopy } from "./support/project-copy.ts";

setDefaultTimeout(900_000);

const { folder, close } = openProjectCopy();
afterAll(close);

const tools = join(folder, ".tools");
mkdirSync(tools);
symlinkSync(process.execPath, join(tools, "bun"));

type Env = Record<string, string | undefined>;
const ofGit = { GIT_AUTHOR_NAME: "Rachel", GIT_AUTHOR_EMAIL: "rachel@example.com" };
const environment: Env = {
  ...plainEnvironment(),
  PATH: `${tools}:${process.env.PATH}`,
  ...ofGit,
  GIT_COMMITTER_NAME: ofGit.GIT_AUTHOR_NAME,
  GIT_COMMITTER_EMAIL: ofGit.GIT_AUTHOR_EMAIL,
};

/** Starts lines in the copy, as if pasted into a shell. */
const start = (lines: string, env: Env = environment) =>
  Bun.spawn(["bash", "-euo", "pipefail", "-c", lines], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });

async function run(lines: string, env: Env = environment) {
  const shell = start(lines, env);
  const { code, stdout, stderr } = await outcomeOf(shell);
  if (code !== 0) throw new Error(`exit code ${code} of\n${lines}\n${stdout.slice(-8_000)}\n${stderr.slice(-8_000)}`);
  return stdout;
}

type Step = { kind: "run"; lines: string } | { kind: "write"; file: string; text: string };

/** The page's steps in order: its `sh` blocks, and the blocks after a line that is only the name of a file. */
function readSteps(page: string): Step[] {
  const block = /(?:^`(?<file>[\w./-]+)`:\n\n)?^```(?<language>\w+)\n(?<text>.*?)^```$/gms;
  return [...page.matchAll(block)].map(({ groups: { file, language, text = "" } = {} }) => {
    if (language === "sh") return { kind: "run", lines: text };
    if (file === undefined) throw new Error(`a block is neither of sh nor after the name of a file:\n${text}`);
    return { kind: "write", file, text };
  });
}

test("each step succeeds, the check and the unit tests of the changed project included", async () => {
  const steps = readSteps(readFileSync(join(project, "docs/your-own-record.md"), "utf8"));
  expect(steps.some((step) => step.kind === "run" && step.lines.includes("bun run check"))).toBe(true);
  await run("git init --quiet; printf '%s\\n' node_modules .tools > .git/info/exclude");
  await run("git add --all; git commit --quiet --message 'As cloned'");
  for (const step of steps)
    if (step.kind === "run") await run(step.lines);
    else writeFileSync(join(folder, step.file), step.text);
});

test("orders pass through the tasks, the consumer and the API of the changed project", async () => {
  const { env, config, keyspace } = namesOf(import.meta.path);
  const [source, consumer, api] = [freePort(), freePort(), freePort()];
  const sql = openPostgres(config.postgres.url, 1);
  await sql.unsafe(`CREATE SCHEMA ${keyspace}`);
  const own = {
    ...process.env,
    ...environment,
    ...env,
    PATH: environment.PATH,
    CONFIG_FILE: join(folder, "config.yaml"),
    POSTGRES_URL: `${config.postgres.url}?search_path=${keyspace}`,
    EMBEDDED_SOURCE_URL: `http://127.0.0.1:${source}/api/`,
    SOURCE_PORT: String(source),
    CONSUMER_PORT: String(consumer),
    API_PORT: String(api),
    CDC_APPLY: "false",
  };
  const programs = ["sources/embedded", "consumer", "api"].map((program) => start(`exec bun ${program}/main.ts`, own));
  try {
    await until("the source answers", async () => (await fetch(`http://127.0.0.1:${source}/healthz`)).ok);
    const task = (name: string, more = "") => `bun tasks/main.ts ${name} ${more}`;
    const tasks = [task("fetch", "--orders 60 --seed run-1"), task("format"), task("backup"), task("produce")];
    const produced = (await run(tasks.join(" | "), own)).trim().split("\n");
    const orders = produced.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(orders).toHaveLength(60);

    const ask = async (path: string, init?: RequestInit) => {
      const response = await fetch(`http://127.0.0.1:${api}${path}`, init);
      return (await response.json()) as Record<string, unknown>;
    };
    await until("60 orders are readable", async () => (await ask("/count")).count === 60);
    const [first = {}] = orders;
    expect(await ask(`/get-order/${first.id}`)).toEqual(first);
    expect((await ask(`/search-order?customer=${encodeURIComponent(String(first.customer))}`)).orders).toEqual([first]);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ paid: true, deliver_on: "2026-03-01", articles: ["Owl 🦉"] });
    const changed = await ask(`/update-order/${first.id}`, { method: "PUT", headers, body });
    expect(changed).toMatchObject({ ...JSON.parse(body), customer: first.customer, total: first.total });

    const [stored] = await sql.unsafe(`SELECT * FROM ${keyspace}.created_orders WHERE id = '${first.id}'`);
    expect(stored).toMatchObject({ articles: first.articles, quantity: first.quantity, total: first.total });
    const paid = await sql.unsafe(`SELECT id, paid FROM ${keyspace}.created_orders`);
    expect(new Map(paid.map((row) => [row.id, row.paid]))).toEqual(new Map(orders.map((row) => [row.id, row.paid])));
    await sql.unsafe(`DROP SCHEMA ${keyspace} CASCADE`);
  } finally {
    for (const program of programs) program.kill();
    await Promise.all(programs.map(({ exited }) => exited));
    await sql.end();
  }
  await dropKeyspace(config);
});
