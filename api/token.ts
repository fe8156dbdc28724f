import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { Config } from "../runtime/config.ts";
import type { NamedToken } from "../runtime/named-tokens.ts";
import { Problem } from "./problem.ts";
import type { AppEnv } from "./route.ts";

/** Who may do what. Without tokens, everything is open. */
export interface Access {
  tokens: readonly NamedToken[];
  protect: Config["api"]["protect"];
}

export const writeMethods = ["POST", "PUT", "PATCH", "DELETE"];

/** Health checks have no token, and a browser sends none for a page. These have nothing of the users. */
const alwaysOpen = /^\/($|healthz$|readyz$|openapi\.json$|apidocs($|\/))/;

export const needsToken = (method: string, path: string, { protect }: Pick<Access, "protect">): boolean =>
  writeMethods.includes(method) || (protect === "all" && method !== "OPTIONS" && !alwaysOpen.test(path));

/** Requires `Authorization: Bearer <token>`, with any of the tokens; other requests get 401. */
export const requireToken = ({ tokens, protect }: Access): MiddlewareHandler<AppEnv> => {
  const expected = tokens.map(({ name, token }) => ({ name, digest: digest(token) }));
  return async (c, next) => {
    if (!needsToken(c.req.method, c.req.path, { protect })) return next();
    const given = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
    const found = given === undefined ? undefined : digest(given);
    // Comparing digests leaks neither a token nor its length through timing, and comparing all of them not which it is.
    const [matching] = expected.filter((each) => found !== undefined && timingSafeEqual(each.digest, found));
    if (!matching)
      throw new Problem(401, "this request requires the header `Authorization: Bearer` with a token of this API", {
        headers: { "WWW-Authenticate": "Bearer" },
      });
    c.set("author", matching.name);
    await next();
  };
};

const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
