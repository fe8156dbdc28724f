/** Programs answer only to their own names, which protects them from DNS rebinding. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { until } from "../runtime/until.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { freePort } from "./support/free-port.ts";
import { namesOf } from "./support/names.ts";
import { type StartedProgram, startProgram } from "./support/program.ts";

const { env, config } = namesOf(import.meta.path, { ALLOWED_HOSTS: "users.example.com, api" });
const consumerPort = freePort();
const programs = [
  { name: "api", file: "api/main.ts", variable: "API_PORT", port: freePort(), path: "/healthz" },
  {
    name: "source",
    file: "sources/embedded/main.ts",
    variable: "SOURCE_PORT",
    port: freePort(),
    path: "/healthz",
  },
  {
    name: "console",
    file: "console/main.ts",
    variable: "CONSOLE_PORT",
    port: freePort(),
    path: "/",
    refusal: 403,
  },
  // The proxy listens on its target's port, at another address.
  {
    name: "consumer",
    file: "consumer/main.ts",
    variable: "CONSUMER_PORT",
    port: consumerPort,
    address: "127.0.0.2",
    path: "/healthz",
  },
  {
    name: "proxy",
    file: "script/programs.ts",
    args: ["proxy", `http://127.0.0.2:${consumerPort}`],
    port: consumerPort,
    path: "/healthz",
  },
].map((program) => ({ address: "127.0.0.1", args: [], variable: "", refusal: 421, ...program }));

const started: StartedProgram[] = [];
beforeAll(async () => {
  for (const { file, args, variable, port, address } of programs)
    started.push(
      startProgram(file, args, { ...env, LISTEN_HOST: address, ...(variable && { [variable]: String(port) }) }),
    );
  for (const { name, port, address, path } of programs)
    await until(`${name} answers`, async () => (await fetch(`http://${address}:${port}${path}`)).ok);
});
afterAll(async () => {
  for (const program of started) program.signal("SIGKILL");
  await Promise.all(started.map(({ exited }) => exited));
  await dropKeyspace(config);
});

/** Sends the text unchanged, and resolves with the whole response. */
async function exchange({ port, address }: { port: number; address: string }, request: string): Promise<string> {
  const socket = connect(port, address);
  let answer = "";
  socket.setEncoding("utf8").on("data", (text) => {
    answer += text;
  });
  socket.write(request.replaceAll("\n", "\r\n"));
  await once(socket, "close");
  return answer;
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const get = (path: string, ...hosts: string[]) =>
  `GET ${path} HTTP/1.1\n${hosts.map((host) => `Host: ${host}\n`).join("")}Connection: close\n\n`;

describe.each(programs)("$name", (program) => {
  const { path, port, address, refusal } = program;
  const ask = async (request: string) => statusOf(await exchange(program, request));

  test.each([
    "localhost",
    `localhost:${port}`,
    "LOCALHOST:80",
    "127.0.0.1",
    "[::1]",
    `[::1]:${port}`,
    address,
    "users.example.com",
    "api:5000",
  ])("answers to its own name %s", async (host) => expect(await ask(get(path, host))).toBe(200));

  test.each([
    "attacker.example",
    `attacker.example:${port}`,
    "localhost.attacker.example",
    "0.0.0.0",
    "192.0.2.1",
    "[::2]",
    "localhost.",
  ])("refuses the foreign name %s", async (host) => expect(await ask(get(path, host))).toBe(refusal));

  test.each([
    ["two hosts", get(path, "localhost", "attacker.example")],
    ["the same host twice", get(path, "localhost", "localhost")],
    ["a list in one header", get(path, "localhost, localhost")],
    ["no host", get(path)],
    ["no host in HTTP/1.0", `GET ${path} HTTP/1.0\nConnection: close\n\n`],
    ["a path before the path in HTTP/1.0", `GET /abc${path} HTTP/1.0\nConnection: close\n\n`],
    ["an empty host", get(path, "")],
    ["a slash in the host", get(path, "localhost/b")],
    ["a space in the host", get(path, "localhost b")],
    ["a user in the host", get(path, "user@localhost")],
    ["a port that is no number", get(path, "localhost:http")],
  ])("refuses a request with %s as malformed", async (_, request) => {
    // The console says the same to all that is not for it.
    expect([400, refusal === 403 ? 403 : 400]).toContain(await ask(request));
  });

  test("checks the host for unknown paths, too", async () => {
    expect(await ask(get("/nowhere", "attacker.example"))).toBe(refusal);
    expect(await ask(get("/nowhere", "localhost"))).toBe(404);
  });
});

test("the API answers with a problem, the other programs with one line", async () => {
  for (const program of programs) {
    const [head = "", body = ""] = (await exchange(program, get(program.path, "attacker.example"))).split("\r\n\r\n");
    expect(body).toContain(program.name === "console" ? "CONSOLE_HOSTS" : "ALLOWED_HOSTS");
    if (program.name === "api") {
      expect(head).toContain("application/problem+json");
      expect(JSON.parse(body)).toMatchObject({ status: 421, type: "urn:problem-type:user-automation:misdirected" });
    } else expect(head).toContain("text/plain");
  }
});

test("the proxy sends requests only to its own target, whatever the path", async () => {
  const asked: string[] = [];
  const stranger = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      asked.push(url);
      return new Response("stranger");
    },
  });
  try {
    const proxy = programs.find(({ name }) => name === "proxy")!;
    expect(await exchange(proxy, get(`//127.0.0.1:${stranger.port}/healthz`, "localhost"))).not.toContain("stranger");
    expect(asked).toEqual([]);
  } finally {
    await stranger.stop(true);
  }
});
