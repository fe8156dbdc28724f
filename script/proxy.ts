import { forOwnHosts } from "../runtime/own-hosts.ts";
import { configure } from "../sources/config.ts";

/** Forwards GET requests to `target`, listening on its port: one published port for any number of instances. */
export function proxy(target: URL) {
  const { config } = configure("proxy");
  const server = Bun.serve({
    hostname: config.host,
    port: Number(target.port),
    fetch: forOwnHosts(config, async ({ url, method }) => {
      if (method !== "GET") return new Response("GET only\n", { status: 405 });
      const { pathname, search } = new URL(url);
      try {
        // Concatenated, since a path that starts with two slashes would resolve to another host.
        return await fetch(target.origin + pathname + search, {
          signal: AbortSignal.timeout(10_000),
          keepalive: false,
        });
      } catch {
        return new Response(`${target.host} does not respond\n`, { status: 502 });
      }
    }),
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => server.stop(true).then(() => process.exit(0)));
}
