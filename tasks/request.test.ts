/** `askSource` sends any request that a source makes, to a real server: headers, method and body survive the retries. */
import { expect, test } from "bun:test";
import net from "node:net";
import { z } from "zod";
import { resolveSettings } from "../runtime/config.ts";
import { messageOf, stackOf, TransientError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { secret, setting, webUrl } from "../runtime/setting.ts";
import { type ConfiguredSource, configured } from "../sources/config.ts";
import { defineSource } from "../sources/source.ts";
import { askSource } from "./ask-source.ts";

const key = "key-5f1d7c0a";

/** A search API that wants a key and a JSON body. */
const crm = defineSource({
  name: "crm",
  description: "an API that is searched by POST, with a key",
  settings: z.strictObject({
    url: setting(webUrl.default("https://crm.example.com/search"), "CRM_URL", "URL of the search."),
    key: secret("CRM_KEY", "Key of the API."),
  }),
  version: null,
  maxUsers: 100,
  nationalities: null,
  request: ({ users, seed }, { url, key }) =>
    new Request(url, {
      method: "POST",
      headers: { "X-Api-Key": key ?? "", Accept: "application/vnd.crm+json", "Content-Type": "application/json" },
      body: JSON.stringify({ limit: users, seed }),
    }),
  response: z.object({ people: z.array(z.unknown()) }).transform(({ people }) => people),
  recordsAt: "people",
  record: z.object({ id: z.string() }),
  toUser: () => {
    throw new Error("not used here");
  },
});

/** Answers one request after the other with `answers`, the last of which is repeated, and keeps the requests. */
function serve(...answers: (() => Response | Promise<Response>)[]) {
  const asked: { method: string; headers: Record<string, string>; body: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 5,
    async fetch(request) {
      const headers = Object.fromEntries([...request.headers].map(([name, value]) => [name, value]));
      asked.push({ method: request.method, headers, body: await request.text() });
      return (answers[asked.length - 1] ?? answers.at(-1)!)();
    },
  });
  return { asked, url: `${server.url.origin}/search?key=${key}`, [Symbol.dispose]: () => void server.stop(true) };
}

/** Asks the source; returns its answer or error, and everything that was logged. */
async function ask(url: string, attempts = 3) {
  const logged: unknown[] = [];
  const event = (...args: unknown[]) => void logged.push(args);
  const log = { warn: event, info: event, error: event } as unknown as Log;
  const { added } = resolveSettings(
    { crm: crm.settings.prefault({}) },
    "",
    { CRM_URL: url, CRM_KEY: key },
    "config.yaml",
  );
  const source: ConfiguredSource = configured(crm, added.crm, {} as never);
  const { signal } = new AbortController();
  const outcome = await askSource(
    source,
    { users: 2, page: 1, seed: "run-1", nationalities: [] },
    { fetch: { timeoutMs: 2_000, attempts } },
    { log, stop: signal },
  ).catch((error: Error) => error);
  const reported = outcome instanceof Error ? [messageOf(outcome), stackOf(outcome)] : outcome;
  return { outcome, shown: JSON.stringify([reported, logged]), logged };
}

const people = () => Response.json({ people: [{ id: "a" }, { id: "b", password: "disney1" }] });
const unavailable = () => new Response("later", { status: 503, headers: { "Retry-After": "0" } });
const hang = () => new Promise<Response>(() => {});

test("method, headers and body are the source's own, and the same after a 503, a timeout and another 503", async () => {
  using server = serve(unavailable, hang, unavailable, people);
  const { outcome, logged } = await ask(server.url, 5);
  expect(outcome).toEqual({ records: [{ id: "a" }, { id: "b" }], rejects: [] });
  expect(logged).toHaveLength(3);
  expect(server.asked).toHaveLength(4);
  for (const { method, headers, body } of server.asked) {
    expect([method, body]).toEqual(["POST", '{"limit":2,"seed":"run-1"}']);
    expect(headers).toMatchObject({
      "x-api-key": key,
      accept: "application/vnd.crm+json",
      "content-type": "application/json",
      "content-length": "26",
    });
  }
});

test.each([
  ["an error that repeats the key", () => Response.json({ error: `the key ${key} has expired` })],
  ["a status that refuses it", () => new Response(`bad key ${key}`, { status: 401 })],
  ["a server that stays unavailable", () => new Response(`bad key ${key}`, { status: 500 })],
  ["a record that repeats it in a field that nobody asked for", () => Response.json({ people: [{ id: 1, key }] })],
])("the key is in no log, error and reject: %s", async (_, answer) => {
  using server = serve(answer);
  const { outcome, shown } = await ask(server.url, 2);
  expect(server.asked[0]!.headers["x-api-key"]).toBe(key);
  expect(outcome).toBeDefined();
  expect(shown).not.toContain(key);
});

test("the key is in no log and error even if it is in the status line", async () => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      socket.end(`HTTP/1.1 500 bad key ${key}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { outcome, shown } = await ask(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`, 2);
    expect(outcome).toBeInstanceOf(TransientError);
    expect(shown).toContain("500 bad key [withheld]");
    expect(shown).not.toContain(key);
  } finally {
    server.close();
  }
});

test("a key is not sent on to where the source redirects", async () => {
  using other = serve(people);
  using server = serve(() => new Response(null, { status: 307, headers: { Location: other.url } }));
  const { outcome } = await ask(server.url);
  expect(other.asked).toEqual([]);
  expect(server.asked).toHaveLength(1);
  expect(messageOf(outcome)).toBe(
    `crm redirects the request, with status 307, and its key is sent nowhere else; set the address that answers: ${new URL(server.url).origin}/search`,
  );
});

test("a key that no header can carry is refused by name, without its value", () => {
  const settings = { crm: crm.settings.prefault({}) };
  const resolve = () => resolveSettings(settings, "", { CRM_KEY: `${key}\nX-Other: 1` }, "config.yaml");
  expect(resolve).toThrow("crm.key: must be printable ASCII without spaces");
  expect(resolve).toThrow("by CRM_KEY");
  expect(resolve).not.toThrow(key);
});
