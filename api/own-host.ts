import type { MiddlewareHandler } from "hono";
import { openHostCheck } from "../runtime/own-hosts.ts";
import { Problem } from "./problem.ts";

/** Refuses requests whose Host header names another server (421) or is missing or malformed (400). */
export function requireOwnHost(names: Parameters<typeof openHostCheck>[0]): MiddlewareHandler {
  const faultOf = openHostCheck(names);
  return async (c, next) => {
    const fault = faultOf(c.req.header("Host"));
    if (fault) throw new Problem(fault.status, fault.detail);
    await next();
  };
}
