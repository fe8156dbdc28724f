import { createRoute } from "@hono/zod-openapi";
import { problems } from "../problem-document.ts";
import { type App, json, tokenIfConfigured } from "../route.ts";
import { exampleUser, UserList } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const firstFive = createRoute({
  method: "get",
  path: "/first-five",
  operationId: "firstFive",
  tags: ["Users"],
  summary: "The first five users, in table order",
  security: tokenIfConfigured,
  responses: { 200: json(UserList, "At most five users", { users: [exampleUser] }), ...problems(401, 503) },
});

export const registerFirstFive = (app: App, users: UserStore) =>
  app.openapi(firstFive, async (c) => c.json({ users: await users.first(5) }, 200));
