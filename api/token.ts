import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";
import type { AppEnv } from "./route.ts";

/** The only token's name, which is the author of its edits. */
const tokenName = "API_TOKEN";

/** Requires `Authorization: Bearer <token>`; any other request gets 401. */
export const requireToken = (token: string): MiddlewareHandler<AppEnv> => {
  const expected = digest(token);
  return async (c, next) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
    // Comparing digests leaks neither the token nor its length through timing.
    if (given === undefined || !timingSafeEqual(digest(given), expected))
      throw new Problem(401, "this request requires the header `Authorization: Bearer` with the token in API_TOKEN", {
        headers: { "WWW-Authenticate": "Bearer" },
      });
    c.set("author", tokenName);
    await next();
  };
};

const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
