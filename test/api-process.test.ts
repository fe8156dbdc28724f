import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { indexes } from "../contract/tables.ts";
import { until } from "../runtime/until.ts";
import { type StartedApi, startApi } from "./support/api.ts";
import { dropKeyspace, withCassandra } from "./support/cassandra.ts";
import { freePort } from "./support/free-port.ts";
import { openLink } from "./support/link.ts";
import { namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";

const { env, config, keyspace } = namesOf(import.meta.path);
const [host, port] = config.cassandra.contactPoints[0]!.split(":") as [string, string | undefined];

const started: StartedApi[] = [];
afterEach(async () => {
  for (const api of started.splice(0)) {
    api.signal("SIGKILL");
    await api.exited;
  }
});
afterAll(() => dropKeyspace(config));

async function start(environment = env) {
  const api = await startApi(environment);
  started.push(api);
  return api;
}

const ready = ({ url }: StartedApi) =>
  until("the API is ready", async () => (await fetch(`${url}/readyz`)).status === 200);
const notReady = ({ url }: StartedApi) =>
  until("the API is not ready", async () => (await fetch(`${url}/readyz`)).status === 503);

const nadia = { first_name: "Nadia", last_name: "Haddad", email: "nadia.haddad@example.com", username: "quietheron12" };
const add = ({ url }: StartedApi) =>
  fetch(`${url}/add-user`, {
    method: "POST",
    body: JSON.stringify(nadia),
    headers: { "Content-Type": "application/json" },
  });

/** Every operation that needs Cassandra answers 503 within `withinMs`; liveness and documentation do not need it. */
async function expectRefusals(api: StartedApi, withinMs: number) {
  const id = crypto.randomUUID();
  const paths = ["/readyz", "/count", "/first-five", "/users", "/search-user?first_name=Nadia", `/get-user/${id}`];
  const begin = performance.now();
  const answers = await Promise.all([
    ...paths.map((path) => fetch(api.url + path)),
    fetch(`${api.url}/delete-user/${id}`, { method: "DELETE" }),
    add(api),
  ]);
  const tookMs = performance.now() - begin;
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
  for (const answer of answers) {
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
  }
  expect(tookMs).toBeLessThan(withinMs);
  for (const path of ["/healthz", "/metrics", "/apidocs", "/openapi.json"])
    expect((await fetch(api.url + path)).status).toBe(200);
}

test("the API starts and refuses quickly while Cassandra is down, and becomes ready whenever Cassandra does", async () => {
  const link = await openLink(host, Number(port ?? 9042));
  await link.cut();
  const api = await start({ ...env, CASSANDRA_CONTACT_POINTS: `127.0.0.1:${link.port}` });
  await expectRefusals(api, 5_000);
  await link.restore();
  await ready(api);
  expect((await add(api)).status).toBe(201);

  await link.cut();
  await notReady(api);
  await expectRefusals(api, 5_000);
  await link.restore();
  await ready(api);
  expect((await add(api)).status).toBe(201);
});

test("requests are refused within seconds while Cassandra accepts connections but does not answer", async () => {
  const link = await openLink(host, Number(port ?? 9042));
  const api = await start({ ...env, CASSANDRA_CONTACT_POINTS: `127.0.0.1:${link.port}` });
  await ready(api);
  link.hold();
  await expectRefusals(api, 9_000);
  link.release();
  await ready(api);
  expect((await add(api)).status).toBe(201);
});

test("the API recreates a table or an index that is dropped while it is running", async () => {
  const api = await start();
  await ready(api);
  expect((await add(api)).status).toBe(201);
  await withCassandra(config, (client) => client.execute(`DROP KEYSPACE ${keyspace}`, [], { prepare: false }));
  await until("the count of a new table", async () => {
    const answer = await fetch(`${api.url}/count`);
    expect([200, 503]).toContain(answer.status);
    return answer.status === 200 && Bun.deepEquals(await answer.json(), { count: 0 });
  });
  expect((await add(api)).status).toBe(201);

  const [{ field, name }] = indexes as [(typeof indexes)[number]];
  const search = async () => (await fetch(`${api.url}/search-user?${field}=Nadia`)).status;
  expect(await search()).toBe(200);
  await withCassandra(config, (client) => client.execute(`DROP INDEX ${keyspace}.${name}`, [], { prepare: false }));
  await until("the search of a new index", async () => {
    const status = await search();
    expect([200, 503]).toContain(status);
    return status === 200;
  });
});

test("SIGTERM ends the API with exit code 0 even while a client keeps a connection open", async () => {
  const api = await start();
  await ready(api);
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(api.url).port),
    socket: { data: () => resolve() },
  });
  client.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  await answered;
  const begin = performance.now();
  api.signal("SIGTERM");
  expect(await api.exited).toBe(0);
  expect(performance.now() - begin).toBeLessThan(9_000);
});

test("a request in flight is answered before the API exits, and no new one is accepted", async () => {
  const link = await openLink(host, Number(port ?? 9042));
  const api = await start({ ...env, CASSANDRA_CONTACT_POINTS: `127.0.0.1:${link.port}` });
  await ready(api);
  expect((await add(api)).status).toBe(201);
  link.hold();
  const inFlight = add(api);
  await fetch(`${api.url}/healthz`);
  api.signal("SIGTERM");
  const { hostname, port: apiPort } = new URL(api.url);
  const refused = () =>
    Bun.connect({ hostname, port: Number(apiPort), socket: { data() {}, open: (socket) => void socket.end() } }).then(
      () => false,
      () => true,
    );
  await until("no connection is accepted", refused, { everyMs: 10 });
  link.release();
  expect((await inFlight).status).toBe(201);
  expect(await api.exited).toBe(0);
});

test("an upload aborted by its client is not a server error", async () => {
  const api = await start();
  await ready(api);
  const counted = async (status: string) => {
    const text = await (await fetch(`${api.url}/metrics`)).text();
    return new RegExp(`^api_requests_total.*/add-user.*status="${status}"} (\\d+)$`, "m").exec(text)?.[1];
  };
  for (const length of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(api.url).port),
      socket: { data() {} },
    });
    const head = `POST /add-user HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;
    client.write(`${head}${length.startsWith("T") ? "3\r\n" : ""}{"a`);
    client.flush();
    client.end();
  }
  await until("both are counted", async () => (await counted("499")) === "2");
  expect(await counted("500")).toBeUndefined();
  expect(await api.output()).not.toContain("request failed");
});

test("HEAD has the length of the response to GET", async () => {
  const api = await start();
  const head = await fetch(`${api.url}/openapi.json`, { method: "HEAD" });
  const get = await fetch(`${api.url}/openapi.json`);
  expect(head.headers.get("Content-Length")).toBe(String((await get.arrayBuffer()).byteLength));
});

test("invalid configuration ends the API with exit code 2 and names the variables", async () => {
  const api = startProgram("api/main.ts", [], { ...env, API_TOKEN: "short", API_PORT: "http" });
  expect(await api.exited).toBe(2);
  const output = await api.output();
  expect(output).toContain("API_TOKEN");
  expect(output).toContain("API_PORT");
});

test("the compiled API includes Swagger UI, and its page leads to the console", async () => {
  const folder = mkdtempSync(join(tmpdir(), "api-compiled-"));
  const binary = join(folder, "api");
  const project = join(import.meta.dir, "..");
  const build = Bun.spawnSync([process.execPath, "build", "--compile", "api/main.ts", "--outfile", binary], {
    cwd: project,
  });
  expect(build.exitCode).toBe(0);
  const api = Bun.spawn([binary], {
    cwd: folder,
    env: { ...env, API_PORT: String(freePort()), CONSOLE_PORT: "18090" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    const url = `http://127.0.0.1:${await portOf(api.stderr)}`;
    const sizes = ["swagger-ui-bundle.js", "swagger-ui.css"].map(async (name) => {
      const asset = await fetch(`${url}/apidocs/swagger-ui-dist/${name}`);
      expect(asset.status).toBe(200);
      return (await asset.text()).length;
    });
    for (const size of await Promise.all(sizes)) expect(size).toBeGreaterThan(100_000);
    expect(await (await fetch(`${url}/apidocs`)).text()).toContain("SwaggerUIBundle");
    expect(await (await fetch(url)).text()).toContain('href="http://127.0.0.1:18090/"');
  } finally {
    api.kill("SIGKILL");
    await api.exited;
    rmSync(folder, { recursive: true });
  }
});

/** The port in a program's log on which it listens. */
async function portOf(log: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const bytes of log) {
    text += new TextDecoder().decode(bytes);
    const found = /msg=listening url=http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
    if (found) return found[1]!;
  }
  throw new Error(`the API never listened:\n${text}`);
}
