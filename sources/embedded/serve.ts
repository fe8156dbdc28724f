import { answer } from "./answer.ts";
import { openMisbehaviour } from "./misbehave.ts";

/** Serves the API at /api/ and /api/1.4/, and /healthz. Port 0 takes any that is free. */
export function serveSource({ hostname, port }: { hostname: string; port: number }) {
  const misbehave = openMisbehaviour();

  const api = (request: Request) => {
    const url = new URL(request.url);
    const ask = () => answer(url.searchParams, new Date());
    const fault = misbehave(url, () => ask().body);
    if (fault) return fault;
    const { status, body } = ask();
    return new Response(body, { status, headers: { "content-type": "application/json; charset=utf-8" } });
  };

  return Bun.serve({
    hostname,
    port,
    routes: {
      "/healthz": Response.json({ status: "ok" }),
      "/api": api,
      "/api/": api,
      "/api/1.4": api,
      "/api/1.4/": api,
    },
    fetch: () => Response.json({ error: "not here: the API is at /api/1.4/" }, { status: 404 }),
  });
}
