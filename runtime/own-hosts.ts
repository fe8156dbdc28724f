import type { Config } from "./config.ts";

/** Why a request was refused because of its Host header, and the response status. */
export interface HostFault {
  status: 400 | 421;
  detail: string;
}

type Names = Pick<Config, "host" | "hosts">;

/** `name`, `name:port`, `[::1]` or `[::1]:port`: the valid forms of a Host header (RFC 9110, 7.2). */
const hostHeader = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{0,5})?$/i;

/**
 * Checks that a request's Host header names this program: loopback, its listen address, or a name in the setting
 * `hosts`, on any port. This blocks DNS rebinding, in which a web page's own domain is made to resolve to this machine.
 * A missing, repeated or malformed Host header is refused too, since the request's URL would be unknown.
 */
export function openHostCheck({ host, hosts }: Names): (header: string | null | undefined) => HostFault | null {
  const own = new Set(["localhost", "127.0.0.1", "[::1]", ...hosts]);
  if (!["0.0.0.0", "::"].includes(host)) own.add(host.includes(":") ? `[${host}]` : host);
  return (header) => {
    const name = hostHeader.exec(header ?? "")?.[1]?.toLowerCase();
    // Bun joins repeated Host headers with ", ", which does not match either.
    if (name === undefined)
      return { status: 400, detail: "the request needs exactly one Host header: a name, or a name and a port" };
    if (own.has(name)) return null;
    return {
      status: 421,
      detail: `${name} is not a host name of this server; allow it with the setting hosts (ALLOWED_HOSTS)`,
    };
  };
}

/** A handler for Bun.serve that passes requests to this program's own host names to `handle` and refuses all others. */
export function forOwnHosts<T extends Response | Promise<Response>>(names: Names, handle: (request: Request) => T) {
  const faultOf = openHostCheck(names);
  return (request: Request): T | Response => {
    const fault = faultOf(request.headers.get("host"));
    return fault ? new Response(`${fault.detail}\n`, { status: fault.status }) : handle(request);
  };
}
