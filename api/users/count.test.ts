import { expect, test } from "bun:test";
import { openLog } from "../../runtime/log.ts";
import { createApp } from "../app.ts";
import type { UserStore } from "./store.ts";

test("a count may take longer than a connection may be silent", async () => {
  const users = { count: () => Bun.sleep(5_000).then(() => 12) } as Partial<UserStore> as UserStore;
  const { fetch: answer } = createApp({ users, log: openLog("api", "error") });
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 1, fetch: answer });
  const response = await fetch(new URL("/count", server.url));
  expect(await response.json()).toEqual({ count: 12 });
}, 20_000);
