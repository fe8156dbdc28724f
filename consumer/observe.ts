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
  /** What keeps the consumer from storing records, a sentence each, by whom it is asked of; one that throws is a reason. */
  checks: Readonly<Record<string, () => Promise<readonly string[]>>>;
  log: Log;
}

/** Answers `/healthz` (the process runs), `/readyz` (records are being stored, or else why not) and `/metrics` (Prometheus). */
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
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${lookMs} ms`)), lookMs);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
