import { once } from "node:events";
import { isLoopback, openHttpServer } from "../runtime/http-server.ts";
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

  const server = openHttpServer({
    host: config.host,
    port: config.ports.console,
    tls: config.console,
    fetch: app.fetch,
  });
  const isOpen = config.console.token === undefined;
  log.info("listening", { url: server.url.href, changes: isOpen ? "open" : "with a token" });
  if (isOpen && !isLoopback(config.host))
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
