import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "./errors.ts";

/** Lets a request pass that carries `Authorization: Bearer <token>`, and answers 401 to any other. */
export const requireToken = (token: string): MiddlewareHandler => {
  const expected = digest(token);
  return async (c, next) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
    // Digests are compared, so that neither the time taken nor the length tells anything of the token.
    if (given === undefined || !timingSafeEqual(digest(given), expected))
      throw new Problem(401, "this needs the header `Authorization: Bearer` with the token of API_TOKEN", {
        headers: { "WWW-Authenticate": "Bearer" },
      });
    await next();
  };
};

const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
