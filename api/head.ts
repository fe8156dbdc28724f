import type { MiddlewareHandler } from "hono";

/** Says in the answer to HEAD how long the answer to GET is: Hono takes its body away, and Bun would count what is left. */
export const statesLength: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.req.method !== "HEAD") return;
  const { byteLength } = await c.res.clone().arrayBuffer();
  c.res.headers.set("Content-Length", String(byteLength));
};
