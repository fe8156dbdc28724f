import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler, Context as RequestContext } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Config } from "../runtime/config.ts";
import { openHostCheck } from "../runtime/own-hosts.ts";
import type { Context } from "./part.ts";

const cookie = "console_session";
const sessionSeconds = 30 * 86_400;
const isSafe = (method: string) => method === "GET" || method === "HEAD";

/** Refuses requests for another host, so that a page elsewhere cannot reach the console by DNS rebinding. */
export function requireOwnHost({
  host,
  hosts,
  console,
}: Pick<Config, "host" | "hosts" | "console">): MiddlewareHandler {
  const faultOf = openHostCheck({ host, hosts: [...hosts, ...console.hosts] });
  return async (c, next) => {
    const fault = faultOf(c.req.header("Host"));
    if (!fault) return next();
    const detail = fault.detail.replace("hosts (ALLOWED_HOSTS)", "console.hosts (CONSOLE_HOSTS)");
    return c.text(`${detail}\n`, 403);
  };
}

/** Refuses changes that a page of another origin asks for. Browsers send the origin with every change. */
export const requireOwnOrigin: MiddlewareHandler = async (c, next) => {
  if (isSafe(c.req.method)) return next();
  const site = c.req.header("Sec-Fetch-Site") ?? "same-origin";
  const origin = c.req.header("Origin");
  const isOwn = origin === undefined || (URL.canParse(origin) && new URL(origin).host === c.req.header("Host"));
  if (site === "same-origin" && isOwn) return next();
  return c.text("changes are accepted only from the console's own pages\n", 403);
};

/** With a token set, changes require it: as `Authorization: Bearer`, or by a session that began with it. */
export function requireToken(token: string | undefined): MiddlewareHandler {
  return async (c, next) => {
    if (token === undefined || isSafe(c.req.method) || isSignedIn(c, token)) return next();
    if (!c.req.header("Accept")?.includes("text/html"))
      return c.text("this requires the header `Authorization: Bearer` with the token in CONSOLE_TOKEN\n", 401);
    return c.redirect(`/sign-in?from=${encodeURIComponent(pathOf(c.req.header("Referer")))}`, 303);
  };
}

/** The page that asks for the token. */
export function registerSignIn({ app, page }: Pick<Context, "app" | "page">, token: string | undefined) {
  if (token === undefined) return;
  const ask = (c: RequestContext, from: string, isWrong: boolean) =>
    page(c, {
      title: "Sign in",
      status: isWrong ? 401 : 200,
      body: (
        <form method="post" action="/sign-in" class="stacked">
          <p>Changes require the token in CONSOLE_TOKEN. Everything can be seen without it.</p>
          {isWrong && <p role="alert">This is not the token.</p>}
          <input type="hidden" name="from" value={from} />
          <label>
            Token <input type="password" name="token" required autocomplete="current-password" />
          </label>
          <button type="submit">Sign in</button>
        </form>
      ),
    });
  app.get("/sign-in", (c) => ask(c, c.req.query("from") ?? "/", false));
  app.post("/sign-in", async (c) => {
    const { token: given, from } = await c.req.parseBody();
    if (typeof given !== "string" || !isSame(given, token)) return ask(c, String(from ?? "/"), true);
    setCookie(c, cookie, sessionOf(token), {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      maxAge: sessionSeconds,
      secure: new URL(c.req.url).protocol === "https:",
    });
    return c.redirect(pathOf(String(from ?? "/")), 303);
  });
}

function isSignedIn(c: RequestContext, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  return (given !== undefined && isSame(given, token)) || isSame(getCookie(c, cookie) ?? "", sessionOf(token));
}

/** The cookie's value, from which the token cannot be found. */
const sessionOf = (token: string) => new Bun.CryptoHasher("sha256", token).update("console session").digest("hex");

/** Comparing digests leaks neither the secret nor its length through timing. */
const isSame = (one: string, other: string) => timingSafeEqual(digest(one), digest(other));
const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();

/** A path of the console, even if another URL was given. */
function pathOf(url: string | undefined): string {
  const base = "http://console";
  const { pathname, search } = URL.canParse(url ?? "", base) ? new URL(url ?? "", base) : new URL(base);
  return `/${pathname.replace(/^\/+/, "")}${search}`;
}
