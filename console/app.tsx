import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { messageOf, stackOf } from "../runtime/lifecycle.ts";
import { registerAssets } from "./assets.ts";
import type { Clients } from "./clients.ts";
import { deadLetters } from "./dead-letters/dead-letters.tsx";
import { health } from "./health/health.tsx";
import { openLive } from "./live.ts";
import { overview } from "./overview/overview.tsx";
import { openWatch, type Watch } from "./overview/watch.ts";
import { openPage } from "./page.tsx";
import type { Context, Part } from "./part.ts";
import { reconcile } from "./reconcile/reconcile.tsx";
import { runs } from "./runs/runs.tsx";
import { registerSignIn, requireOwnHost, requireOwnOrigin, requireToken } from "./security.tsx";
import { users } from "./users/users.tsx";
import { where } from "./where/where.tsx";

/** In the order of the navigation. */
const parts: readonly Part[] = [overview, runs, users, where, deadLetters, reconcile, health];

/** Scripts, styles and pictures come from the console only, and no page may frame it. */
const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", "data:"],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};

const maxBodyBytes = 256 * 1024;

/** The console: what every request passes, then the parts. */
export function createConsole(clients: Clients, watch: Watch = openWatch(clients)) {
  const { config, log } = clients;
  const app = new Hono();
  const live = openLive(log);
  const page = openPage(parts.flatMap(({ nav }) => nav ?? []));
  const context: Context = { app, clients, live, watch, page };

  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.use(requireOwnHost(config));
  app.use(secureHeaders({ contentSecurityPolicy, strictTransportSecurity: false, referrerPolicy: "same-origin" }));
  app.use(compress());
  app.use(bodyLimit({ maxSize: maxBodyBytes }));
  app.use(requireOwnOrigin);
  registerSignIn(context, config.console.token);
  app.use(requireToken(config.console.token));

  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    log.error("a request failed", { path: c.req.path, error: messageOf(error), stack: stackOf(error) });
    return page(c, { title: "This did not work", body: <p role="alert">{messageOf(error)}</p>, status: 500 });
  });
  app.notFound((c) => page(c, { title: "Not found", body: <p>There is no page at {c.req.path}.</p>, status: 404 }));

  registerAssets(app);
  live.register(app);
  for (const part of parts) part.register(context);
  return app;
}
