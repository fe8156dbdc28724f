import type { Registry } from "prom-client";
import type { Config } from "../runtime/config.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { forOwnHosts } from "../runtime/own-hosts.ts";

/** How long a look at another service may take while somebody waits for the answer, in milliseconds. */
const lookMs = 2_000;

interface Dependencies {
  /** Where to listen; where the port is taken, by another instance, say, any free one is. */
  config: Pick<Config, "host" | "hosts" | "ports">;
  registry: Registry;
  /** Brings the metrics up to date before they are read. */
  refresh: () => Promise<void>;
  /** Throws what keeps the consumer from doing its work. */
  assertReady: () => Promise<void>;
  log: Log;
}

/** Answers `/healthz` (the process runs), `/readyz` (records are being stored) and `/metrics` (Prometheus). */
export function observe({ config, registry, refresh, assertReady, log }: Dependencies) {
  const routes: Record<string, () => Response | Promise<Response>> = {
    "/healthz": () => new Response("ok\n"),
    "/readyz": async () => {
      try {
        await within(assertReady());
        return new Response("ready\n");
      } catch (error) {
        return new Response(`not ready: ${messageOf(error)}\n`, { status: 503 });
      }
    },
    "/metrics": async () => {
      await within(refresh()).catch((error) => log.debug("lag not refreshed", { error: messageOf(error) }));
      return new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } });
    },
  };
  const answer = forOwnHosts(config, ({ url }) => {
    const route = routes[new URL(url).pathname];
    return route ? route() : new Response("not found\n", { status: 404 });
  });
  const listen = (number: number) => Bun.serve({ hostname: config.host, port: number, fetch: answer });

  const port = config.ports.consumer;
  const server = listenOr(
    () => listen(port),
    () => listen(0),
  );
  log.info("listening", { url: server.url.href, ...(server.port !== port && { insteadOfPort: port }) });
  return server;
}

function listenOr<T>(first: () => T, second: () => T): T {
  try {
    return first();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EADDRINUSE") throw error;
    return second();
  }
}

function within<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${lookMs} ms`)), lookMs);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
