/** The tasks' command line: files and filters, counts, rejects, exit codes, streams. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { until } from "../runtime/until.ts";
import { lastLine, openTasks } from "../test/support/tasks.ts";
import { tasks } from "./list.ts";

const { path, read, spawn, start, run } = openTasks();

test("with files, the counts are the last line of stdout, and a second run writes the same bytes", async () => {
  const fetch = "fetch --users 40 --seed run-1 --output out/raw.jsonl";
  const format = "format --input out/raw.jsonl --output out/users.jsonl --at 2026-01-15T07:00:00+01:00";
  const first = await run(fetch);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(lastLine(first.stdout)).toEqual({
    read: 40,
    written: 40,
    rejected: 0,
    source: expect.any(String),
    seed: "run-1",
    asked: 40,
    forgotten: 0,
    output: "out/raw.jsonl",
  });
  expect(lastLine((await run(format)).stdout)).toEqual({
    read: 40,
    written: 40,
    rejected: 0,
    output: "out/users.jsonl",
  });
  const before = [read("out/raw.jsonl"), read("out/users.jsonl")];
  expect(before[1]).toContain('"timestamp":"2026-01-15T06:00:00.000Z"}\n');
  expect(before[1]).not.toMatch(/password|salt|md5|sha1|sha256/);

  await run(fetch);
  await run(format);
  expect([read("out/raw.jsonl"), read("out/users.jsonl")]).toEqual(before);
  expect(readdirSync(path("out")).sort()).toEqual(["raw.jsonl", "users.jsonl"].sort());
});

test("as filters, tasks write records to stdout and the counts last to stderr", async () => {
  const { stdout: raw, stderr, code } = await run("fetch --users 3 --seed s");
  expect(code).toBe(0);
  expect(lastLine(stderr)).toMatchObject({ read: 3, written: 3, rejected: 0 });
  const users = await run("format --at 2026-01-15T06:00:00Z", { stdin: raw });
  expect(
    users.stdout
      .trim()
      .split("\n")
      .map((line) => Object.keys(JSON.parse(line))[0]),
  ).toEqual(["id", "id", "id"]);
  expect(lastLine(users.stderr)).toEqual({ read: 3, written: 3, rejected: 0 });
});

test("the file of rejects is beside the output, and is removed once there are none", async () => {
  const raw = (await run("fetch --users 2 --seed s")).stdout;
  const format = "format --output users.jsonl --at 2026-01-15T06:00:00Z";
  expect(lastLine((await run(format, { stdin: `${raw}{"password": "disney1"\n` })).stdout)).toMatchObject({
    read: 3,
    written: 2,
    rejected: 1,
  });
  expect(read("users.rejects.jsonl")).toBe('{"reason":"not JSON","line":3,"original":{"withheldCharacters":22}}\n');
  await run(format, { stdin: raw });
  expect(existsSync(path("users.rejects.jsonl"))).toBe(false);
});

test("rejects of a stream go to the file of --rejects or to the log", async () => {
  const named = await run("format --rejects bad.jsonl", { stdin: "nonsense\n" });
  expect(named.stdout).toBe("");
  expect(lastLine(read("bad.jsonl"))).toMatchObject({ reason: "not JSON", line: 1 });
  const { stderr } = await run("format", { stdin: "nonsense\n" });
  expect(stderr).toContain('msg=rejected reason="not JSON" line=1');
});

test("more rejects than the configured share end with exit code 2, the counts last, and leave the previous output", async () => {
  const good = (await run("fetch --users 2 --seed s")).stdout;
  const format = "format --output users.jsonl --at 2026-01-15T06:00:00Z";
  const half = await run(format, { stdin: `${good}nonsense\nnonsense\n` });
  expect([half.code, lastLine(half.stdout).rejected]).toEqual([0, 2]);
  const before = read("users.jsonl");

  const stdin = `${good}nonsense\nnonsense\nnonsense\n`;
  const most = await run(format, { stdin });
  expect([most.code, lastLine(most.stdout)]).toEqual([2, { read: 5, written: 2, rejected: 3 }]);
  expect(most.stderr).toContain("rejected 3 of 5 records");
  expect(most.stderr).toContain("users.rejects.jsonl");
  expect(read("users.rejects.jsonl").trim().split("\n")).toHaveLength(3);
  expect([read("users.jsonl"), readdirSync(path()).length]).toEqual([before, 2]);
  expect((await run(format, { stdin, TASKS_MAX_REJECTED_SHARE: "0.6" })).code).toBe(0);

  const filter = await run("format", { stdin: "nonsense\n" });
  expect([filter.code, lastLine(filter.stderr)]).toEqual([2, { read: 1, written: 0, rejected: 1 }]);
  expect((await run("format", { stdin: "" })).code).toBe(0);
});

test.each([
  ["", "usage"],
  ["dance", "usage"],
  ["fetch --sing", "--sing"],
  ["fetch --users many", "--users: "],
  ["fetch --users 0", "--users: "],
  ["fetch --users 5001", "at most 5000"],
  ["fetch --nationalities usa", "--nationalities: "],
  ["fetch --nationalities us,xx", "does not support"],
  ["fetch --every soon", "--every: "],
  ["fetch --for 60s", "--for: requires --every"],
  ["format --at yesterday", "--at: "],
  ["format --input missing.jsonl", "missing.jsonl does not exist"],
])("invalid usage ends with exit code 2 and an error message: %s", async (line, fault) => {
  const { code, stdout, stderr } = await run(line);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(fault);
});

test("each configuration error is on its own line", async () => {
  const { code, stderr } = await run("fetch", { FETCH_ATTEMPTS: "never", POSTGRES_URL: "nonsense" });
  expect(code).toBe(2);
  const lines = stderr.trimEnd().split("\n");
  expect(lines.length).toBe(2);
  expect(lines[0]).toContain('msg="configuration is wrong" fault="fetch.attempts: ');
  expect(lines[1]).toContain('msg="configuration is wrong" fault="postgres.url: must be a postgres:// URL; set it in');
  expect(stderr).not.toContain("stack=");
});

test("invalid configuration ends with exit code 2, and --help with 0", async () => {
  const bad = await run("fetch", { FETCH_ATTEMPTS: "never" });
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain("FETCH_ATTEMPTS");
  expect((await run("fetch", { USERS_SOURCE: "myspace" })).code).toBe(2);
  for (const task of tasks.keys()) {
    const help = await run(`${task} --help`);
    expect(help.code).toBe(0);
    expect(help.stdout).toStartWith(`${task}: `);
  }
});

/** Reads a stream as it arrives. */
function readAll(stream: ReadableStream<Uint8Array>) {
  let text = "";
  void (async () => {
    for await (const chunk of stream) text += new TextDecoder().decode(chunk);
  })();
  return { text: () => text };
}

/** Pipes one stage into another as a shell does; returns the first chunk of the second's output. */
const stream = (line: string) => {
  const fetch = start(line);
  const format = spawn("format", fetch.stdout);
  return { fetch, format, reader: format.stdout.getReader() };
};

test("a stream passes records on as they arrive, and Ctrl-C at its first stage ends it successfully", async () => {
  const { fetch, format, reader } = stream("fetch --every 100ms");
  const { value } = await reader.read();
  expect(JSON.parse(new TextDecoder().decode(value).split("\n")[0]!)).toHaveProperty("id");
  expect(fetch.exitCode).toBeNull();

  format.kill("SIGINT"); // ignored: only the first stage stops
  await reader.read();
  fetch.kill("SIGINT");
  while (!(await reader.read()).done);
  expect([await fetch.exited, await format.exited]).toEqual([0, 0]);
  const [sent, passed] = [await new Response(fetch.stderr).text(), await new Response(format.stderr).text()].map(
    lastLine,
  );
  expect(passed).toEqual({ read: sent.written, written: sent.written, rejected: 0 });
});

test("a stream that fails after it was stopped ends with exit code 1", async () => {
  const fetch = start("fetch --every 1s --users 5000 --seed s");
  const reader = fetch.stdout.getReader();
  await reader.read(); // the rest of the first response is in transit and never read
  const log = readAll(fetch.stderr);
  fetch.kill("SIGTERM");
  await until("it has heard the signal", () => log.text().includes("msg=stopping"));
  await reader.cancel();
  expect(await fetch.exited).toBe(1);
  expect(log.text()).toContain("the reader of stdout has closed it");
});

test("a stream ends after --for and has other users in each request", async () => {
  const { code, stdout } = await run("fetch --every 100ms --for 500ms --users 2 --seed s");
  expect(code).toBe(0);
  const ids = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.stringify(JSON.parse(line).record));
  expect([ids.length, new Set(ids).size]).toEqual([10, 10]);
});

test("a stage that is terminated leaves the previous output", async () => {
  writeFileSync(path("users.jsonl"), "before\n");
  const format = spawn("format --output users.jsonl", "pipe");
  const { stdin } = format; // kept referenced, so that the pipe stays open
  await until("the output is open", () => readdirSync(path()).length > 1);
  format.kill("SIGTERM");
  expect(await format.exited).toBe(1);
  await stdin.end();
  expect(readdirSync(path())).toEqual(["users.jsonl"]);
  expect(read("users.jsonl")).toBe("before\n");
});

test("a device is written to directly, and rejects go to the log", async () => {
  const { stdout, stderr } = await run("format --output /dev/null", { stdin: "nonsense\n" });
  expect([lastLine(stdout).rejected, statSync("/dev/null").isFile()]).toEqual([1, false]);
  expect(stderr).toContain("msg=rejected");
});

test("an output that cannot be written ends with exit code 2", async () => {
  writeFileSync(path("file"), "");
  const { code, stderr } = await run("format --output file/users.jsonl");
  expect(code).toBe(2);
  expect(stderr).toContain("file/users.jsonl cannot be written");
});

test("fetch ends with exit code 1 if the reader of stdout closes it", async () => {
  const fetch = start("fetch --every 50ms --users 100");
  const reader = fetch.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await fetch.exited).toBe(1);
  expect(await new Response(fetch.stderr).text()).toContain("the reader of stdout has closed it");
});

test("the log begins with the values in config.yaml that a variable overrides, without either value", async () => {
  const password = "s3cret-5f1d7c0a";
  const file = `log: { level: debug }\npostgres: { url: "postgres://users:${password}@127.0.0.1/users" }\nfetch: { attempts: 3 }\n`;
  writeFileSync(path("config.yaml"), file);
  const variables = {
    LOG_LEVEL: "info",
    POSTGRES_URL: `postgres://users:other-${password}@127.0.0.1/users`,
    FETCH_ATTEMPTS: "3",
    API_PORT: "6000",
  };
  const { code, stderr } = await run("fetch --users 1 --seed s", variables);
  expect(code).toBe(0);
  expect(stderr.split("\n")[0]).toEndWith(
    'msg="variables override values in the file" file=config.yaml overridden="postgres.url (POSTGRES_URL), log.level (LOG_LEVEL)"',
  );
  expect(stderr).not.toContain(password);
  const { stderr: silent } = await run("fetch --users 1 --seed s", { USERS_SOURCE: "", API_PORT: "6000" });
  expect(silent).not.toContain("override");
});
