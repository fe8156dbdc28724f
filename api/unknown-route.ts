import type { NotFoundHandler } from "hono";
import { Problem } from "./problem.ts";
import { respond } from "./problem-document.ts";
import type { App, AppEnv } from "./route.ts";

/** Answers 405 if the path supports other methods, and 404 if it does not exist. */
export const answerUnknownRoute =
  (app: App): NotFoundHandler<AppEnv> =>
  (c) => {
    const { path } = c.req;
    const methods = methodsOf(app, path).join(", ");
    const problem =
      methods === ""
        ? new Problem(404, `nothing at ${path}`)
        : new Problem(405, `${path} supports only ${methods}`, { headers: { Allow: methods } });
    return respond(c, problem);
  };

function methodsOf(app: App, path: string): string[] {
  const methods = app.routes
    .filter((route) => route.method !== "ALL" && !route.path.includes("*"))
    .filter((route) => new RegExp(`^${route.path.replace(/:[^/]+/g, "[^/]+")}$`).test(path))
    .map((route) => route.method);
  return [...new Set(methods)].sort();
}
