import { once } from "node:events";
import { openCassandra } from "../runtime/cassandra.ts";
import { ConfigError } from "../runtime/config.ts";
import { isLoopback, openHttpServer } from "../runtime/http-server.ts";
import { run } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { openMetrics } from "../runtime/metrics.ts";
import { tokensOf } from "../runtime/named-tokens.ts";
import { watchLoop } from "../runtime/watchdog.ts";
import { configure } from "../sources/config.ts";
import { createApp } from "./app.ts";
import { openDatabase } from "./database.ts";
import { openEditLog } from "./edits/edit-log.ts";
import { declareEditSeconds } from "./metrics.ts";
import { userStore } from "./users/store.ts";

/** Query timeout; the request then gets 503. */
const readTimeoutMs = 2_000;
/** How long requests in flight may take after a signal to stop. */
const drainMs = 5_000;

await run(openLog("api"), async (stop) => {
  const { config, log } = configure("api");
  watchLoop("api");
  const { protect, bodyLimitBytes } = config.api;
  const tokens = tokensOf(config.api);
  // Only here: other programs read the same file, but need not know the tokens.
  if (protect === "all" && tokens.length === 0)
    throw new ConfigError([`api.protect: all needs a token; set api.token in ${config.file}, API_TOKEN or API_TOKENS`]);
  const registry = openMetrics();
  const edits = config.api.log ? openEditLog(config, log, declareEditSeconds(registry)) : undefined;
  const client = openCassandra(config, "api", readTimeoutMs);
  const database = openDatabase(client, config, log);
  const { maxAheadMs } = config.consumer;
  const users = userStore(database, config.cassandra.keyspace, { log, edits, maxAheadMs });
  const consolePort = config.ports.console;
  const app = createApp({ users, log, edits, names: config, consolePort, registry, tokens, protect, bodyLimitBytes });

  const server = openHttpServer({ host: config.host, port: config.ports.api, tls: config.api, fetch: app.fetch });
  const [writes, reads] = [tokens.length > 0, protect === "all"].map((asks) => (asks ? "with a token" : "open"));
  log.info("listening", { url: server.url.href, writes, reads });
  if (tokens.length === 0 && !isLoopback(config.host))
    log.warn("writes are open to anyone who can reach this address; set API_TOKEN or API_TOKENS", {
      host: config.host,
    });
  try {
    await Promise.race([database.keepTable(stop), edits?.keepConnected(stop), once(stop, "abort")].filter(Boolean));
  } finally {
    await Promise.race([server.stop(), Bun.sleep(drainMs)]);
    await server.stop(true);
    await edits?.close();
    await client.shutdown();
  }
});
