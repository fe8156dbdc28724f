import { createRoute } from "@hono/zod-openapi";
import { problems } from "../problem-document.ts";
import { type App, json, tokenIfConfigured } from "../route.ts";
import { Count } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const count = createRoute({
  method: "get",
  path: "/count",
  operationId: "count",
  tags: ["Users"],
  summary: "The exact number of users",
  security: tokenIfConfigured,
  responses: { 200: json(Count, "The number of users", { count: 60 }), ...problems(401, 503) },
});

export const registerCount = (app: App, users: UserStore) =>
  app.openapi(count, async (c) => {
    c.env?.timeout?.(c.req.raw, 0); // counting millions takes longer than a connection may be silent
    return c.json({ count: await users.count() }, 200);
  });
