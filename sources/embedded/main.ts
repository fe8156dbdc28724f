/** The embedded source: a server with the API of randomuser.me v1.4, so that the pipeline runs without internet. */
import { run } from "../../runtime/lifecycle.ts";
import { openLog } from "../../runtime/log.ts";
import { configure } from "../config.ts";
import { serveSource } from "./serve.ts";

void run(openLog("source"), async (stop) => {
  const { config, log } = configure("source");
  const server = serveSource({ host: config.host, hosts: config.hosts, port: config.ports.source });
  log.info("listening", { url: server.url.href });
  await new Promise((resolve) => stop.addEventListener("abort", resolve));
  await server.stop(true);
});
