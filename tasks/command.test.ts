import { afterAll, afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveSource } from "../sources/embedded/serve.ts";
import { dummyjsonSecrets, dummyjsonText, randomuserText } from "../sources/samples.ts";
import { until } from "../test/support/until.ts";

setDefaultTimeout(60_000); // each test starts several processes

const source = serveSource({ hostname: "127.0.0.1", port: 0 });
afterAll(() => source.stop(true));
const url = `${source.url.origin}/api/1.4/`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tasks-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(path(name), "utf8");

const start = (line: string, { stdin, ...env }: Record<string, string> & { stdin?: string } = {}) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), ...line.split(" ").filter(Boolean)], {
    cwd: folder,
    env: { PATH: process.env.PATH, RANDOMUSER_URL: url, FETCH_TIMEOUT_MS: "5000", ...env },
    stdin: new Blob([stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
  });
const run = async (line: string, env?: Record<string, string> & { stdin?: string }) => {
  const task = start(line, env);
  const [stdout, stderr, code] = await Promise.all([
    new Response(task.stdout).text(),
    new Response(task.stderr).text(),
    task.exited,
  ]);
  return { stdout, stderr, code };
};
const lastLine = (text: string) => JSON.parse(text.trimEnd().split("\n").at(-1)!);
const misbehave = (query: string) => ({ RANDOMUSER_URL: `${url}?misbehave=${query}` });

test("files: the counts are the last line of stdout, and a second run writes the same bytes", async () => {
  const fetch = "fetch --users 40 --seed run-1 --nationalities us,gb --output out/raw.jsonl";
  const format = "format --input out/raw.jsonl --output out/users.jsonl --at 2026-01-15T07:00:00+01:00";
  const first = await run(fetch);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(lastLine(first.stdout)).toEqual({
    read: 40,
    written: 40,
    rejected: 0,
    source: "randomuser",
    seed: "run-1",
    asked: 40,
  });
  expect(lastLine((await run(format)).stdout)).toEqual({ read: 40, written: 40, rejected: 0 });
  const before = [read("out/raw.jsonl"), read("out/users.jsonl")];
  expect(before[1]).toContain('"timestamp":"2026-01-15T06:00:00.000Z"}\n');
  expect(before[1]).not.toMatch(/password|salt|md5|sha1|sha256/);

  await run(fetch);
  await run(format);
  expect([read("out/raw.jsonl"), read("out/users.jsonl")]).toEqual(before);
  expect(readdirSync(path("out")).sort()).toEqual(["raw.jsonl", "users.jsonl"]);
});

test("filters: records on stdout, the counts last on stderr", async () => {
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

test("rejects stand beside the output, and are gone once there are none", async () => {
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

test("rejects of a stream go to the file that is named, or else to the log", async () => {
  const named = await run("format --rejects bad.jsonl", { stdin: "nonsense\n" });
  expect(named).toMatchObject({ code: 0, stdout: "" });
  expect(lastLine(read("bad.jsonl"))).toMatchObject({ reason: "not JSON", line: 1 });
  const { stderr } = await run("format", { stdin: "nonsense\n" });
  expect(stderr).toContain('msg=rejected reason="not JSON" line=1');
});

test.each([
  ["", "usage"],
  ["dance", "usage"],
  ["fetch --sing", "--sing"],
  ["fetch --users many", "--users: "],
  ["fetch --users 0", "--users: "],
  ["fetch --users 5001", "at most 5000"],
  ["fetch --nationalities usa", "--nationalities: "],
  ["fetch --every soon", "--every: "],
  ["fetch --for 60s", "--for: needs --every"],
  ["format --at yesterday", "--at: "],
  ["format --input missing.jsonl", "missing.jsonl does not exist"],
])("bad usage ends with exit code 2 and says what is wrong: %s", async (line, fault) => {
  const { code, stdout, stderr } = await run(line);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(fault);
});

test("bad configuration ends with exit code 2, and --help with 0", async () => {
  const bad = await run("fetch", { FETCH_ATTEMPTS: "never" });
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain("FETCH_ATTEMPTS");
  expect((await run("fetch", { USERS_SOURCE: "myspace" })).code).toBe(2);
  for (const task of ["fetch", "format", "backup", "produce"]) {
    const help = await run(`${task} --help`);
    expect(help.code).toBe(0);
    expect(help.stdout).toStartWith(`${task}: `);
  }
});

test.each(["429&retryAfter=1&times=1", "500&times=2", "503&times=1", "drop&times=1", "hang&times=1"])(
  "a source that fails and recovers is asked again: %s",
  async (fault) => {
    const { code, stdout, stderr } = await run("fetch --users 5 --seed s --output raw.jsonl", {
      ...misbehave(fault),
      FETCH_TIMEOUT_MS: "2000",
    });
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ read: 5, written: 5 });
    expect(stderr).toContain('msg="asking again" attempt=2');
  },
);

test("Retry-After is waited for", async () => {
  const begin = performance.now();
  expect((await run("fetch --users 1 --seed s", misbehave("429&retryAfter=2&times=1"))).code).toBe(0);
  expect(performance.now() - begin).toBeGreaterThan(2_000);
});

test("a source that goes on failing ends with exit code 1 after the attempts that are set, and leaves no file", async () => {
  const { code, stdout, stderr } = await run("fetch --users 5 --output raw.jsonl", {
    ...misbehave("500"),
    FETCH_ATTEMPTS: "2",
  });
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("did not answer in 2 attempts");
  expect(readdirSync(folder)).toEqual([]);
});

test("a source that nobody serves ends with exit code 1", async () => {
  const { code } = await run("fetch", { RANDOMUSER_URL: "http://127.0.0.1:1/api/1.4/", FETCH_ATTEMPTS: "2" });
  expect(code).toBe(1);
});

test.each([
  ["error", "results: Invalid input"],
  ["garbage", "the body is not JSON"],
  ["version", 'info.version: Invalid input: expected "1.4"'],
  ["404", "status 404"],
])(
  "an answer that no other attempt would mend ends with exit code 2 and names the fault: %s",
  async (fault, message) => {
    const { code, stderr } = await run("fetch --users 5 --output raw.jsonl", misbehave(fault));
    expect(code).toBe(2);
    expect(stderr.replaceAll('\\"', '"')).toContain(message);
    expect(stderr).toContain(source.url.origin);
    expect(stderr).not.toContain("asking again");
  },
);

test("one record that does not fit is rejected, and the others go on", async () => {
  const { code, stdout } = await run("fetch --users 5 --seed s --output raw.jsonl", misbehave("record"));
  expect(code).toBe(0);
  expect(lastLine(stdout)).toMatchObject({ read: 5, written: 4, rejected: 1 });
  const reject = lastLine(read("raw.rejects.jsonl"));
  expect(reject.reason).toBe("results[3].login.uuid: Invalid UUID");
  expect(Object.keys(reject.original.login)).toEqual(["uuid", "username"]);
});

/** A server that answers every request with one text, and the requests that it got. */
const serve = (text: string) => {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      asked.push(url.slice(server.url.href.length - 1));
      return new Response(text);
    },
  });
  return { asked, origin: server.url.origin, [Symbol.dispose]: () => void server.stop(true) };
};

test("the 500 sample users pass fetch, which asks once for all of them, and format", async () => {
  using samples = serve(randomuserText);
  const raw = await run("fetch --users 500 --seed run-1", { RANDOMUSER_URL: `${samples.origin}/api/1.4/` });
  expect(samples.asked).toEqual(["/api/1.4/?results=500&seed=run-1"]);
  const users = await run("format --output users.jsonl", { stdin: raw.stdout });
  expect(lastLine(users.stdout)).toEqual({ read: 500, written: 500, rejected: 0 });
});

test("a source with fewer users than asked for gives what it has, and fetch says so", async () => {
  using samples = serve(randomuserText);
  const { code, stdout, stderr } = await run("fetch --users 501 --output raw.jsonl", {
    RANDOMUSER_URL: `${samples.origin}/api/1.4/`,
  });
  expect(code).toBe(0);
  expect(lastLine(stdout)).toMatchObject({ read: 500, written: 500, asked: 501 });
  expect(stderr).toContain('msg="the source has fewer users than asked for" asked=501 given=500');
});

test("another source is a setting: the sample users of dummyjson pass fetch and format without their secrets", async () => {
  using samples = serve(dummyjsonText);
  const env = { USERS_SOURCE: "dummyjson", DUMMYJSON_URL: `${samples.origin}/users` };
  const raw = await run("fetch --users 30", env);
  expect(samples.asked).toEqual(["/users?limit=30&skip=0"]);
  const users = await run("format", { stdin: raw.stdout });
  expect(lastLine(users.stderr)).toEqual({ read: 30, written: 30, rejected: 0 });
  const everything = [raw, users].map(({ stdout, stderr }) => stdout + stderr).join();
  expect(dummyjsonSecrets.filter((secret) => everything.includes(secret))).toEqual([]);
  expect((await run("fetch --nationalities us", env)).code).toBe(2);
});

/** Two stages as a shell joins them; the first chunk that comes out of the second. */
const stream = (line: string) => {
  const fetch = start(line);
  const format = Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), "format"], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdin: fetch.stdout,
    stdout: "pipe",
    stderr: "pipe",
  });
  return { fetch, format, reader: format.stdout.getReader() };
};

test("a stream passes records on as they come, and Ctrl-C at its head ends it well", async () => {
  const { fetch, format, reader } = stream("fetch --every 100ms");
  const { value } = await reader.read();
  expect(JSON.parse(new TextDecoder().decode(value).split("\n")[0]!)).toHaveProperty("id");
  expect(fetch.exitCode).toBeNull();

  format.kill("SIGINT"); // it goes on: the head decides
  await reader.read();
  fetch.kill("SIGINT");
  while (!(await reader.read()).done);
  expect([await fetch.exited, await format.exited]).toEqual([0, 0]);
  const [sent, passed] = [await new Response(fetch.stderr).text(), await new Response(format.stderr).text()].map(
    lastLine,
  );
  expect(passed).toEqual({ read: sent.written, written: sent.written, rejected: 0 });
});

test("a stream ends by itself after the time that is set, with other users at each beat", async () => {
  const { code, stdout } = await run("fetch --every 100ms --for 500ms --users 2 --seed s");
  expect(code).toBe(0);
  const ids = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).record.login.uuid);
  expect([ids.length, new Set(ids).size]).toEqual([10, 10]);
});

test("a stage that is ended leaves what was there before", async () => {
  writeFileSync(path("users.jsonl"), "before\n");
  const format = Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), "format", "--output", "users.jsonl"], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const { stdin } = format; // held, so that its end stays open
  await until("the output is open", () => readdirSync(folder).length > 1);
  format.kill("SIGTERM");
  expect(await format.exited).toBe(1);
  await stdin.end();
  expect(readdirSync(folder)).toEqual(["users.jsonl"]);
  expect(read("users.jsonl")).toBe("before\n");
});

test("a device is written to as it is, and rejects beside it go to the log", async () => {
  const { code, stdout, stderr } = await run("format --output /dev/null", { stdin: "nonsense\n" });
  expect([code, lastLine(stdout).rejected, statSync("/dev/null").isFile()]).toEqual([0, 1, false]);
  expect(stderr).toContain("msg=rejected");
});

test("an output that cannot be written ends with exit code 2", async () => {
  writeFileSync(path("file"), "");
  const { code, stderr } = await run("format --output file/users.jsonl");
  expect(code).toBe(2);
  expect(stderr).toContain("file/users.jsonl cannot be written");
});

test("a reader that goes away ends fetch with exit code 1", async () => {
  const fetch = start("fetch --every 50ms --users 100");
  const reader = fetch.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await fetch.exited).toBe(1);
  expect(await new Response(fetch.stderr).text()).toContain("nobody reads stdout any more");
});
