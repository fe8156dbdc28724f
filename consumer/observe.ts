import type { Registry } from "prom-client";
import type { Config } from "../runtime/config.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { forOwnHosts } from "../runtime/own-hosts.ts";

/** How long a check of another service may take, since a client is waiting for the response, in milliseconds. */
const checkWithinMs = 2_000;

interface Dependencies {
  /** Where to listen; if the port is taken, for instance by another instance, a free one is used. */
  config: Pick<Config, "host" | "hosts" | "ports">;
  registry: Registry;
  /** Updates the metrics before they are read. */
  refresh: () => Promise<void>;
  /** Checks by name. Each returns what keeps the consumer from storing records, a sentence each, or throws. */
  checks: Readonly<Record<string, () => Promise<readonly string[]>>>;
  log: Log;
}

/** Serves `/healthz` (process is running), `/readyz` (records are being stored, or why not) and `/metrics`. */
export function observe({ config, registry, refresh, checks, log }: Dependencies) {
  const routes: Record<string, () => Response | Promise<Response>> = {
    "/healthz": () => new Response("ok\n"),
    "/readyz": async () => {
      const reasons = await Promise.all(
        Object.entries(checks).map(([name, check]) =>
          within(check()).catch((error) => [`${name} does not answer: ${messageOf(error)}`]),
        ),
      );
      const lines = reasons.flat().map((reason) => `not ready: ${reason}\n`);
      return lines.length === 0 ? new Response("ready\n") : new Response(lines.join(""), { status: 503 });
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
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${checkWithinMs} ms`)), checkWithinMs);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
