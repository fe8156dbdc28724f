import { OpenAPIHono } from "@hono/zod-openapi";
import { getLogger } from "@logtape/logtape";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import type { Registry } from "prom-client";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { openMetrics } from "../runtime/metrics.ts";
import type { NamedToken } from "../runtime/named-tokens.ts";
import { keepOutOfCaches } from "./caches.ts";
import { describe, registerDocumentation } from "./documentation.ts";
import type { EditLog } from "./edits/edit-log.ts";
import { handleErrors } from "./error-handler.ts";
import { setHeadLength } from "./head.ts";
import { registerHealth } from "./health.ts";
import { registerHome } from "./home.ts";
import { declareMetrics, measure } from "./metrics.ts";
import { requireOwnHost } from "./own-host.ts";
import { invalid, Problem } from "./problem.ts";
import type { App, AppEnv } from "./route.ts";
import { requireToken, writeMethods } from "./token.ts";
import { answerUnknownRoute } from "./unknown-route.ts";
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
  /** Without it, `/readyz` says that writes are accepted. */
  edits?: Pick<EditLog, "refusal">;
  /** The listening address, and further names allowed in the Host header. */
  names?: Pick<Config, "host" | "hosts">;
  /** Where the console is, on the same host. */
  consolePort?: number;
  /** The metrics shown at `/metrics`; the app adds its own. */
  registry?: Registry;
  /** The tokens that writes require one of; without any they are open. */
  tokens?: readonly NamedToken[];
  /** What else requires one. */
  protect?: Config["api"]["protect"];
  bodyLimitBytes?: number;
}

/** Responses must not be sniffed, framed or read by another origin; the other headers matter only for pages. */
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

/** The whole API: the middleware for every request, then the operations. */
export function createApp({
  users,
  log,
  edits,
  names = { host: "localhost", hosts: [] },
  consolePort = 8090,
  registry = openMetrics(),
  tokens = [],
  protect = "writes",
  bodyLimitBytes = 64 * 1024,
}: Dependencies): App {
  const metrics = declareMetrics(registry);
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.target, result.error);
    },
  });

  app.use(setHeadLength);
  app.use(requestId({ limitLength: 100 }));
  app.use(secureHeaders(headers));
  app.use(keepOutOfCaches);
  app.use(measure(metrics));
  app.use(requireOwnHost(names));
  app.onError(handleErrors(log));
  app.notFound(answerUnknownRoute(app));

  if (tokens.length > 0) app.use(requireToken({ tokens, protect }));
  app.on(
    writeMethods,
    "*",
    bodyLimit({
      maxSize: bodyLimitBytes,
      onError: () => {
        throw new Problem(413, `the body exceeds ${bodyLimitBytes} bytes`);
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
  registerHealth(app, users, registry, edits);
  registerDocumentation(app, { tokens, protect });
  registerHome(app, consolePort);
  return app;
}

/** The OpenAPI document; it needs no database because no operation is called. */
export const openApiDocument = () => describe(createApp({ users: {} as UserStore, log: getLogger("api") }));
