import type { Config } from "../../runtime/config.ts";
import { forOwnHosts } from "../../runtime/own-hosts.ts";
import { answer } from "./answer.ts";
import { openMisbehaviour } from "./misbehave.ts";

/** Serves the API at /api/ and /api/1.4/, and /healthz. Port 0 takes any that is free. */
export function serveSource({ host, hosts, port }: Pick<Config, "host" | "hosts"> & { port: number }) {
  const misbehave = openMisbehaviour();

  const api = (url: URL) => {
    const ask = () => answer(url.searchParams, new Date());
    const fault = misbehave(url, () => ask().body);
    if (fault) return fault;
    const { status, body } = ask();
    return new Response(body, { status, headers: { "content-type": "application/json; charset=utf-8" } });
  };

  const answerTo = (url: URL) => {
    if (url.pathname === "/healthz") return Response.json({ status: "ok" });
    if (/^\/api(\/1\.4)?\/?$/.test(url.pathname)) return api(url);
    return Response.json({ error: "not here: the API is at /api/1.4/" }, { status: 404 });
  };

  return Bun.serve({ hostname: host, port, fetch: forOwnHosts({ host, hosts }, ({ url }) => answerTo(new URL(url))) });
}
