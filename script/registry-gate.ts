import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { openHttpServer } from "../runtime/http-server.ts";

interface Login {
  name: string;
  password: string;
  writes: boolean;
}

/**
 * Forwards to a registry that knows no logins, over HTTPS and for those who log in: all may read and check schemas, and
 * those who write may register them and set a subject's compatibility. Nobody deletes or changes global settings.
 */
export function openGate(target: URL, { host, folder }: { host: string; folder: string }) {
  const logins: Login[] = JSON.parse(readFileSync(`${folder}/logins.json`, "utf8"));
  const accepted = logins.map((login) => ({ ...login, digest: digestOf(`${login.name}:${login.password}`) }));
  const forward = async (path: string, init: RequestInit) => {
    try {
      // Concatenated, since a path that starts with two slashes would resolve to another host.
      const { body, status, headers } = await fetch(target.origin + path, {
        ...init,
        redirect: "manual",
        signal: AbortSignal.timeout(60_000),
        keepalive: false,
      });
      return new Response(body, { status, headers: { "content-type": headers.get("content-type") ?? "text/plain" } });
    } catch {
      return refusal(502, `${target.host} does not respond`);
    }
  };
  return openHttpServer({
    host,
    port: Number(target.port),
    tls: { certificateFile: `${folder}/server.crt`, keyFile: `${folder}/server.key` },
    async fetch({ url, method, headers, body }) {
      const { pathname, search } = new URL(url);
      if (pathname === "/healthz") return await health(forward);
      const given = digestOf(loginIn(headers.get("authorization")));
      const login = accepted.find(({ digest }) => timingSafeEqual(digest, given));
      if (!login) return refusal(401, "log in", { "www-authenticate": 'Basic realm="registry"' });
      if (!isAllowed(method, pathname, login)) return refusal(403, `${login.name} may not ${method} ${pathname}`);
      const forwarded = ["accept", "content-type"].flatMap((name) => {
        const value = headers.get(name);
        return value === null ? [] : [[name, value] as [string, string]];
      });
      return await forward(pathname + search, { method, headers: forwarded, ...(body && { body }) });
    },
  });
}

/** What a login may do, by the path as it is sent. */
export function isAllowed(method: string, path: string, { writes }: Pick<Login, "writes">): boolean {
  if (/;|%2e|%2f/i.test(path)) return false; // could be read differently behind the gate
  if (method === "GET" || (method === "POST" && /^\/compatibility\/./.test(path))) return true;
  if (!writes) return false;
  return method === "POST"
    ? /^\/subjects\/[^/]+(\/versions)?$/.test(path)
    : method === "PUT" && /^\/config\/[^/]+$/.test(path);
}

async function health(forward: (path: string, init: RequestInit) => Promise<Response>): Promise<Response> {
  const { ok } = await forward("/subjects", {});
  return ok ? new Response("ok\n") : refusal(503, "the registry does not work");
}

const digestOf = (text: string) => createHash("sha256").update(text).digest();

const loginIn = (authorization: string | null) =>
  Buffer.from(/^Basic (\S+)$/i.exec(authorization ?? "")?.[1] ?? "", "base64").toString();

/** An error in the registry's own form. */
const refusal = (status: number, message: string, headers: Record<string, string> = {}) =>
  Response.json({ error_code: status, message }, { status, headers });
