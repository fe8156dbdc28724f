import type { MiddlewareHandler } from "hono";

/** Sets Content-Length on HEAD responses: Hono drops the body, and Bun would then send a length of 0. */
export const setHeadLength: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.req.method !== "HEAD" || c.res.status === 304) return;
  const { byteLength } = await c.res.clone().arrayBuffer();
  c.res.headers.set("Content-Length", String(byteLength));
};
