import type { Context, NotFoundHandler } from "hono";
import { Problem } from "./problem.ts";
import { respond } from "./problem-document.ts";
import { type App, type AppEnv, patchTypes } from "./route.ts";

/** Answers OPTIONS with the methods that the path supports, 405 for other methods, and 404 if there is no such path. */
export const answerUnknownRoute =
  (app: App): NotFoundHandler<AppEnv> =>
  (c: Context<AppEnv>) => {
    const { path, method } = c.req;
    const methods = methodsOf(app, path);
    if (methods.length === 0) return respond(c, new Problem(404, `nothing at ${path}`));
    const Allow = methods.join(", ");
    if (method === "OPTIONS")
      return c.body(null, 204, { Allow, ...(methods.includes("PATCH") && { "Accept-Patch": patchTypes.join(", ") }) });
    return respond(c, new Problem(405, `${path} supports only ${Allow}`, { headers: { Allow } }));
  };

function methodsOf(app: App, path: string): string[] {
  const methods = app.routes
    .filter((route) => route.method !== "ALL" && !route.path.includes("*"))
    .filter((route) => new RegExp(`^${route.path.replace(/:[^/]+/g, "[^/]+")}$`).test(path))
    .map((route) => route.method);
  if (methods.includes("GET")) methods.push("HEAD");
  if (methods.length > 0) methods.push("OPTIONS");
  return [...new Set(methods)].sort();
}
