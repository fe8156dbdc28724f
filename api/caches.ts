import type { MiddlewareHandler } from "hono";

/**
 * Tells browsers and proxies to store no answer, since most have personal data, unless the operation itself says how long
 * its answer may be kept.
 */
export const keepOutOfCaches: MiddlewareHandler = async (c, next) => {
  await next();
  if (!c.res.headers.has("Cache-Control")) c.res.headers.set("Cache-Control", "no-store");
};
