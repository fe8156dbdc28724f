import type { Config } from "./config.ts";

/** Why a request is refused for its Host header, and the status that says so. */
export interface HostFault {
  status: 400 | 421;
  detail: string;
}

type Names = Pick<Config, "host" | "hosts">;

/** `name`, `name:port`, `[::1]` or `[::1]:port`: all that a Host header may be (RFC 9110, 7.2). */
const hostHeader = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{0,5})?$/i;

/**
 * Checks that a request names this program: loopback, the address that it listens on, or one of the setting `hosts`, on
 * any port. A page elsewhere whose own name is made to resolve to this machine (DNS rebinding) is refused, and so is a
 * request with no name, with several, or with what is none: its URL could not be told.
 */
export function openHostCheck({ host, hosts }: Names): (header: string | null | undefined) => HostFault | null {
  const own = new Set(["localhost", "127.0.0.1", "[::1]", ...hosts]);
  if (!["0.0.0.0", "::"].includes(host)) own.add(host.includes(":") ? `[${host}]` : host);
  return (header) => {
    const name = hostHeader.exec(header ?? "")?.[1]?.toLowerCase();
    // Bun joins several Host headers with ", ", which is no name either.
    if (name === undefined)
      return { status: 400, detail: "the request needs one Host header, a name or a name and a port" };
    if (own.has(name)) return null;
    return {
      status: 421,
      detail: `${name} is not a name of this server; the setting hosts, ALLOWED_HOSTS, lists them`,
    };
  };
}

/** A handler for Bun.serve that answers with `handle` what is sent to this program's own names, and refuses the rest. */
export function forOwnHosts<T extends Response | Promise<Response>>(names: Names, handle: (request: Request) => T) {
  const faultOf = openHostCheck(names);
  return (request: Request): T | Response => {
    const fault = faultOf(request.headers.get("host"));
    return fault ? new Response(`${fault.detail}\n`, { status: fault.status }) : handle(request);
  };
}
