import { createApp } from "../../api/app.ts";
import { openDatabase } from "../../api/database.ts";
import type { App } from "../../api/route.ts";
import { userStore } from "../../api/users/store.ts";
import type { User } from "../../contract/user.ts";
import { openCassandra } from "../../runtime/cassandra.ts";
import { openLog } from "../../runtime/log.ts";
import { until } from "../../runtime/until.ts";
import { dropKeyspace } from "./cassandra.ts";
import { namesOf } from "./names.ts";

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at whatever was answered
  body: any;
}

/** The API on a keyspace of a test file's own, without a socket: `openApp(import.meta.path)`. */
export function openApp(file: string) {
  const { config, keyspace } = namesOf(file);
  const log = openLog("api", "error");
  const client = openCassandra(config, "api-test", 2_000);
  const stop = new AbortController();
  const database = openDatabase(client, config, log);
  const store = userStore(database, keyspace);
  const app = createApp({ users: store, log });
  const kept = database.keepTable(stop.signal);

  /** As a client on this machine sends it: with a Host header. */
  const request = (path: string, { headers, ...init }: RequestInit = {}, to: App = app) =>
    to.request(path, { ...init, headers: { Host: "localhost", ...(headers as Record<string, string>) } });

  async function ask(method: string, path: string, body?: unknown, to: App = app, headers = {}): Promise<Answer> {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const type = text !== undefined && { "Content-Type": "application/json" };
    const response = await request(path, { method, body: text, headers: { ...type, ...headers } }, to);
    const answer = await response.text();
    return { status: response.status, headers: response.headers, body: answer && JSON.parse(answer) };
  }

  return {
    config,
    keyspace,
    client,
    store,
    app,
    request,
    /** The same users, writes only with the token. */
    guardedBy: (token: string) => createApp({ users: store, log, token }),
    ask,
    isReady: () => until("the API is ready", async () => (await request("/readyz")).status === 200),
    async close() {
      stop.abort();
      await kept;
      await client.shutdown();
      await dropKeyspace(config);
    },
  };
}

/** Nadia, whose row no other test touches. */
export const newcomer = (changes: Partial<User> = {}) => ({
  id: crypto.randomUUID() as string,
  first_name: "Nadia",
  last_name: "Haddad",
  email: "nadia.haddad@example.com",
  username: "quietheron12",
  ...changes,
});
