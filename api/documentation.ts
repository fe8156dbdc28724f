import { swaggerUI } from "@hono/swagger-ui";
import css from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import type { App } from "./route.ts";
import { type Access, needsToken } from "./token.ts";

/**
 * The OpenAPI document of all operations registered on the app. Given an `access`, it says which operations need a token
 * there; otherwise, that each of those may need one.
 */
export function describe(app: App, access?: Access) {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description:
      "A token in API_TOKEN or API_TOKENS. If none is configured, writes are open; reads need one if API_PROTECT is `all`.",
  });
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Users",
      version: "1.0.0",
      description: "The users in Cassandra, from all sources. Errors are RFC 9457 problems.",
      license: { name: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "Users", description: "Read and change users." },
      { name: "Operations", description: "Health checks." },
    ],
  });
  for (const [path, operations] of Object.entries(document.paths ?? {}))
    for (const [method, operation] of Object.entries(operations as Record<string, { security?: object[] }>))
      if (operation.security && access && access.tokens.length > 0)
        operation.security = needsToken(method.toUpperCase(), path, access) ? [{ token: [] }] : [];
  return inUtc(document);
}

/** `/openapi.json`, and Swagger UI at `/apidocs`, served only from files of this program. */
export function registerDocumentation(app: App, access: Access) {
  const document = JSON.stringify(describe(app, access));
  app.get("/openapi.json", (c) => c.body(document, 200, { "Content-Type": "application/json" }));
  app.get(
    "/apidocs",
    async (c, next) => {
      await next();
      c.res.headers.set("Content-Security-Policy", swaggerUiPolicy);
    },
    swaggerUI({
      url: "/openapi.json",
      baseUrl: "/apidocs",
      title: "Users API",
      displayRequestDuration: true,
      tryItOutEnabled: true,
    }),
  );
  // The import is a path in the source tree, and a file embedded in a compiled binary.
  for (const [name, file, type] of [
    ["swagger-ui.css", css, "text/css"],
    ["swagger-ui-bundle.js", bundle, "text/javascript"],
  ] as const)
    app.get(
      `/apidocs/swagger-ui-dist/${name}`,
      () =>
        new Response(Bun.file(file), {
          headers: { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "max-age=3600" },
        }),
    );
}

/** Swagger UI needs an inline script, inline styles, and icons from data URLs. */
const swaggerUiPolicy = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
].join("; ");

/** Adds to the document that times are in UTC, which `date-time` does not imply. */
function inUtc<T>(node: T): T {
  if (Array.isArray(node)) return node.map(inUtc) as T;
  if (typeof node !== "object" || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => [key, inUtc(value)]);
  const isTime = "format" in node && node.format === "date-time";
  return Object.fromEntries(isTime ? [...entries, ["pattern", "Z$"]] : entries);
}
