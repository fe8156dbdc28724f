import type { Config } from "../../runtime/config.ts";
import { forOwnHosts } from "../../runtime/own-hosts.ts";
import { answer } from "./answer.ts";
import { createFaultInjector } from "./fault-injector.ts";

/** Serves the API at /api/ and /api/1.4/, and /healthz. Port 0 selects a free port. */
export function serveSource({ host, hosts, port }: Pick<Config, "host" | "hosts"> & { port: number }) {
  const injectFault = createFaultInjector();

  const api = (url: URL) => {
    const respond = () => answer(url.searchParams, new Date());
    const fault = injectFault(url, () => respond().body);
    if (fault) return fault;
    const { status, body } = respond();
    return new Response(body, { status, headers: { "content-type": "application/json; charset=utf-8" } });
  };

  const answerTo = (url: URL) => {
    if (url.pathname === "/healthz") return Response.json({ status: "ok" });
    if (/^\/api(\/1\.4)?\/?$/.test(url.pathname)) return api(url);
    return Response.json({ error: "not found: the API is at /api/1.4/" }, { status: 404 });
  };

  return Bun.serve({ hostname: host, port, fetch: forOwnHosts({ host, hosts }, ({ url }) => answerTo(new URL(url))) });
}
