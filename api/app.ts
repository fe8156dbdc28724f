import { OpenAPIHono } from "@hono/zod-openapi";
import { getLogger } from "@logtape/logtape";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import type { Registry } from "prom-client";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { openMetrics } from "../runtime/metrics.ts";
import { describe, registerDocumentation } from "./documentation.ts";
import { answerErrors, answerUnknown, invalid, Problem } from "./errors.ts";
import { statesLength } from "./head.ts";
import { registerHealth } from "./health.ts";
import { registerLivePage } from "./live/live.ts";
import { declareMetrics, measure } from "./metrics.ts";
import { requireOwnHost } from "./own-host.ts";
import type { App, AppEnv } from "./route.ts";
import { requireToken } from "./token.ts";
import { registerAddUser } from "./users/add-user.ts";
import { registerCount } from "./users/count.ts";
import { registerDeleteUser } from "./users/delete-user.ts";
import { registerFirstFive } from "./users/first-five.ts";
import { registerGetUser } from "./users/get-user.ts";
import { registerListUsers } from "./users/list-users.ts";
import { registerSearchUser } from "./users/search-user.ts";
import type { UserStore } from "./users/store.ts";
import { registerUpdateUser } from "./users/update-user.ts";

export interface Dependencies {
  users: UserStore;
  log: Log;
  /** The address listened on, and the names answered to besides it. */
  names?: Pick<Config, "host" | "hosts">;
  /** What `/metrics` shows; the app adds its own to it. */
  registry?: Registry;
  /** What writes must carry; left out, they are open. */
  token?: string;
  bodyLimitBytes?: number;
}

const changing = ["POST", "PUT", "PATCH", "DELETE"];

/** No answer may be sniffed, framed, or read by another origin; what else browsers know is for pages, not for JSON. */
const headers = {
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  overwrite: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  strictTransportSecurity: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
};

/** The whole API: what every request passes, then the operations. */
export function createApp({
  users,
  log,
  names = { host: "localhost", hosts: [] },
  registry = openMetrics(),
  token,
  bodyLimitBytes = 64 * 1024,
}: Dependencies): App {
  const metrics = declareMetrics(registry);
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.target, result.error);
    },
  });

  app.use(statesLength);
  app.use(requestId({ limitLength: 100 }));
  app.use(secureHeaders(headers));
  app.use(measure(metrics));
  app.use(requireOwnHost(names));
  app.onError(answerErrors(log));
  app.notFound(answerUnknown(methodsOf(app)));

  if (token !== undefined) app.on(changing, "*", requireToken(token));
  app.on(
    changing,
    "*",
    bodyLimit({
      maxSize: bodyLimitBytes,
      onError: () => {
        throw new Problem(413, `the body is larger than ${bodyLimitBytes} bytes`);
      },
    }),
  );

  registerCount(app, users);
  registerFirstFive(app, users);
  registerListUsers(app, users);
  registerSearchUser(app, users);
  registerGetUser(app, users);
  registerAddUser(app, users);
  registerUpdateUser(app, users);
  registerDeleteUser(app, users);
  registerHealth(app, users, registry);
  registerDocumentation(app);
  registerLivePage(app);
  return app;
}

/** The OpenAPI document, without a database: no operation is called. */
export const openApiDocument = () => describe(createApp({ users: {} as UserStore, log: getLogger("api") }));

/** Which methods a path answers. */
function methodsOf(app: App) {
  return (path: string) => {
    const methods = app.routes
      .filter((route) => route.method !== "ALL" && !route.path.includes("*"))
      .filter((route) => new RegExp(`^${route.path.replace(/:[^/]+/g, "[^/]+")}$`).test(path))
      .map((route) => route.method);
    return [...new Set(methods)].sort();
  };
}
