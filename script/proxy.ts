import { loadConfig } from "../runtime/config.ts";
import { forOwnHosts } from "../runtime/own-hosts.ts";

/** Passes each GET on to `target`, on the target's own port: one published port in front of as many instances as there are. */
export function proxy(target: URL) {
  const config = loadConfig();
  const server = Bun.serve({
    hostname: config.host,
    port: Number(target.port),
    fetch: forOwnHosts(config, async ({ url, method }) => {
      if (method !== "GET") return new Response("GET only\n", { status: 405 });
      const { pathname, search } = new URL(url);
      try {
        // A path may begin with two slashes, so it is no reference that could be resolved against the target.
        return await fetch(target.origin + pathname + search, {
          signal: AbortSignal.timeout(10_000),
          keepalive: false,
        });
      } catch {
        return new Response(`${target.host} does not answer\n`, { status: 502 });
      }
    }),
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => server.stop(true).then(() => process.exit(0)));
}
