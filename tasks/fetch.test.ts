/** `fetch` with sources that fail, send invalid responses or are another API. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { hashOfId } from "../contract/forgotten.ts";
import { dummyjsonSecrets, dummyjsonText, randomuserText } from "../sources/samples.ts";
import { lastLine, openTasks } from "../test/support/tasks.ts";

const { url, path, read, run } = openTasks();
const withFault = (query: string) => ({ RANDOMUSER_URL: `${url}?fault=${query}` });

test.each(["429&retryAfter=1&times=1", "500&times=2", "503&times=1", "drop&times=1", "hang&times=1"])(
  "a request is retried until the source recovers: %s",
  async (fault) => {
    const { code, stdout, stderr } = await run("fetch --users 5 --seed s --output raw.jsonl", {
      ...withFault(fault),
      FETCH_TIMEOUT_MS: "2000",
    });
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ read: 5, written: 5 });
    expect(stderr).toContain('msg="retrying request" attempt=2');
  },
);

test("Retry-After is respected", async () => {
  const begin = performance.now();
  expect((await run("fetch --users 1 --seed s", withFault("429&retryAfter=2&times=1"))).code).toBe(0);
  expect(performance.now() - begin).toBeGreaterThan(2_000);
});

test("a source that keeps failing ends with exit code 1 after the configured number of attempts, and leaves no file", async () => {
  const { code, stdout, stderr } = await run("fetch --users 5 --output raw.jsonl", {
    ...withFault("500"),
    FETCH_ATTEMPTS: "2",
  });
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("did not respond successfully in 2 attempts");
  expect(readdirSync(path())).toEqual([]);
});

test("an unreachable source ends with exit code 1", async () => {
  const { code } = await run("fetch", { RANDOMUSER_URL: "http://127.0.0.1:1/api/1.4/", FETCH_ATTEMPTS: "2" });
  expect(code).toBe(1);
});

test.each([
  ["error", "results: Invalid input"],
  ["garbage", "the body is not JSON"],
  ["version", 'info.version: Invalid input: expected "1.4"'],
  ["404", "status 404"],
])("a response that a retry would not fix ends with exit code 2 and names the fault: %s", async (fault, message) => {
  const { code, stderr } = await run("fetch --users 5 --output raw.jsonl", withFault(fault));
  expect(code).toBe(2);
  expect(stderr.replaceAll('\\"', '"')).toContain(message);
  expect(stderr).toContain(new URL(url).origin);
  expect(stderr).not.toContain("retrying request");
});

test("forgotten users are left out, and counted; all others are the same bytes", async () => {
  const { stdout } = await run("fetch --users 5 --seed s");
  const lines = stdout.trimEnd().split("\n");
  const { record } = JSON.parse(lines[2]!) as { record: { login: { uuid: string } } };
  await Bun.write(path("forgotten.txt"), `${hashOfId(record.login.uuid)}\n${hashOfId(crypto.randomUUID())}\n`);
  const again = await run("fetch --users 5 --seed s --output raw.jsonl", { RUNS_DIR: path() });
  expect([again.code, lastLine(again.stdout)]).toMatchObject([0, { read: 5, written: 4, rejected: 0, forgotten: 1 }]);
  expect(read("raw.jsonl").trimEnd().split("\n")).toEqual(lines.filter((_, index) => index !== 2));
});

test("one invalid record is rejected, and the others are passed on", async () => {
  const { code, stdout } = await run("fetch --users 5 --seed s --output raw.jsonl", withFault("record"));
  expect(code).toBe(0);
  expect(lastLine(stdout)).toMatchObject({ read: 5, written: 4, rejected: 1 });
  const reject = lastLine(read("raw.rejects.jsonl"));
  expect(reject.reason).toBe("results[3].login.uuid: Invalid UUID");
  expect(Object.keys(reject.original.login)).toEqual(["uuid", "username"]);
});

test("a source whose records all have another structure ends with exit code 2, and each record is rejected", async () => {
  using samples = serve(randomuserText.replaceAll('"postcode"', '"zip"'));
  const { code, stdout, stderr } = await run("fetch --users 500 --output raw.jsonl", {
    RANDOMUSER_URL: `${samples.origin}/api/1.4/`,
  });
  expect([code, lastLine(stdout)]).toMatchObject([2, { read: 500, written: 0, rejected: 500 }]);
  expect(stderr).toContain("rejected 500 of 500 records");
  expect(readdirSync(path())).toEqual(["raw.rejects.jsonl"]);
  expect(lastLine(read("raw.rejects.jsonl")).reason).toStartWith("results[499].location.postcode: ");
});

/** A server that responds to every request with the same text and collects the requests. */
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

test("the 500 sample users pass fetch, which sends one request for all of them, and format", async () => {
  using samples = serve(randomuserText);
  const raw = await run("fetch --users 500 --seed run-1", { RANDOMUSER_URL: `${samples.origin}/api/1.4/` });
  expect(samples.asked).toEqual(["/api/1.4/?results=500&seed=run-1"]);
  const users = await run("format --output users.jsonl", { stdin: raw.stdout });
  expect(lastLine(users.stdout)).toEqual({ read: 500, written: 500, rejected: 0, output: "users.jsonl" });
});

test("a source that ignores the nationalities ends with exit code 2, and nothing is passed on", async () => {
  using samples = serve(randomuserText);
  const { code, stderr } = await run("fetch --users 500 --nationalities nz --output raw.jsonl", {
    RANDOMUSER_URL: `${samples.origin}/api/1.4/`,
  });
  expect(samples.asked[0]).toEndWith("&nat=nz");
  expect(code).toBe(2);
  expect(stderr).toContain(".nat: ");
  expect(readdirSync(path())).toEqual([]);
});

test("if a source has fewer users than requested, fetch passes them on and logs a warning", async () => {
  using samples = serve(randomuserText);
  const { code, stdout, stderr } = await run("fetch --users 501 --output raw.jsonl", {
    RANDOMUSER_URL: `${samples.origin}/api/1.4/`,
  });
  expect(code).toBe(0);
  expect(lastLine(stdout)).toMatchObject({ read: 500, written: 500, asked: 501 });
  expect(stderr).toContain('msg="the source has fewer users than requested" requested=501 received=500');
});

test("the source is a setting: the sample users of dummyjson pass fetch and format without their secrets", async () => {
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
