import { html } from "hono/html";
import type { App } from "./route.ts";

/** The page at `/`, which leads to the documentation, and to the console on the same host. */
export function registerHome(app: App, consolePort: number) {
  app.get("/", (c) => {
    const console = new URL("/", c.req.url);
    console.port = String(consolePort);
    return c.html(html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Users API</title>
  </head>
  <body>
    <h1>Users API</h1>
    <ul>
      <li><a href="/apidocs">Documentation</a>, where each operation can be tried</li>
      <li><a href="${console.href}">Console</a>: the users, and the whole pipeline</li>
      <li><a href="/openapi.json">OpenAPI document</a></li>
      <li><a href="/metrics">Metrics</a></li>
    </ul>
  </body>
</html>
`);
  });
}
