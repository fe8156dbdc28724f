import { types } from "cassandra-driver";
import { createApp } from "../../api/app.ts";
import { openDatabase } from "../../api/database.ts";
import type { App } from "../../api/route.ts";
import { userStore } from "../../api/users/store.ts";
import { rowOf, upsertCql } from "../../contract/tables.ts";
import type { User } from "../../contract/user.ts";
import { openCassandra } from "../../runtime/cassandra.ts";
import { openLog } from "../../runtime/log.ts";
import { until } from "../../runtime/until.ts";
import { dropKeyspace } from "./cassandra.ts";
import { namesOf } from "./names.ts";

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary JSON
  body: any;
}

/** The API on the test file's own keyspace, without a socket: `openApp(import.meta.path)`. */
export function openApp(file: string) {
  const { config, keyspace } = namesOf(file);
  const log = openLog("api", "error");
  const client = openCassandra(config, "api-test", 30_000);
  const stop = new AbortController();
  const database = openDatabase(client, config, log);
  const store = userStore(database, keyspace, { log });
  const app = createApp({ users: store, log });
  const kept = database.keepTable(stop.signal);

  /** Sends a request with the Host header of a local client. */
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
    database,
    store,
    app,
    request,
    /** An API on the same users whose writes require the token. */
    guardedBy: (token: string) => createApp({ users: store, log, tokens: [{ name: "API_TOKEN", token }] }),
    ask,
    /** The ids on all pages of a list. */
    async walk(path: string): Promise<string[]> {
      const ids: string[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const { body }: Answer = await ask("GET", cursor ? `${path}&cursor=${cursor}` : path);
        ids.push(...body.users.map(({ id }: User) => id));
        cursor = body.cursor;
      }
      return ids;
    },
    /** Writes a row without the API, as the consumer does: at a given time. */
    writeDirectly: (user: User, timeMs: number) =>
      client.execute(upsertCql(keyspace), [...rowOf(user), types.Long.fromNumber(timeMs * 1_000)]),
    isReady: () => until("the API is ready", async () => (await request("/readyz")).status === 200),
    async close() {
      stop.abort();
      await kept;
      await client.shutdown();
      await dropKeyspace(config);
    },
  };
}

/** A new user with an id of her own. */
export const newcomer = (changes: Partial<User> = {}) => ({
  id: crypto.randomUUID() as string,
  first_name: "Nadia",
  last_name: "Haddad",
  email: "nadia.haddad@example.com",
  username: "quietheron12",
  ...changes,
});
