import { once } from "node:events";
import { httpsOf } from "../runtime/https.ts";
import { run } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { watchLoop } from "../runtime/watchdog.ts";
import { configure } from "../sources/config.ts";
import { createConsole } from "./app.tsx";
import { openClients } from "./clients.ts";
import { openWatch } from "./overview/watch.ts";

await run(openLog("console"), async (stop) => {
  const { config, log } = configure("console");
  watchLoop("console");
  const clients = openClients(config, log);
  const watch = openWatch(clients);
  const app = createConsole(clients, watch);

  // A stream of events may be silent for minutes; it has its own heartbeat.
  const server = Bun.serve({
    hostname: config.host,
    port: config.ports.console,
    idleTimeout: 120,
    fetch: app.fetch,
    ...httpsOf(config.console),
  });
  const isOpen = config.console.token === undefined;
  log.info("listening", { url: server.url.href, changes: isOpen ? "open" : "with a token" });
  if (isOpen && !/^(localhost|127\.|::1$)/.test(config.host))
    log.warn("anyone who can reach this address may change data; set CONSOLE_TOKEN", { host: config.host });
  try {
    await watch.start();
    await once(stop, "abort");
  } finally {
    await server.stop(true);
    await watch.close();
    await clients.close();
  }
});
