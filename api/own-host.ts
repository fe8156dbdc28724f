import type { MiddlewareHandler } from "hono";
import { openHostCheck } from "../runtime/own-hosts.ts";
import { Problem } from "./errors.ts";

/** Lets a request pass that names this server in its Host header, and answers 421, or 400 where it names none. */
export function requireOwnHost(names: Parameters<typeof openHostCheck>[0]): MiddlewareHandler {
  const faultOf = openHostCheck(names);
  return async (c, next) => {
    const fault = faultOf(c.req.header("Host"));
    if (fault) throw new Problem(fault.status, fault.detail);
    await next();
  };
}
