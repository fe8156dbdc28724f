import { createRoute } from "@hono/zod-openapi";
import { notFound } from "../problem.ts";
import { problems } from "../problem-document.ts";
import { type App, json } from "../route.ts";
import { exampleUser, StoredUser, UserId } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const getUser = createRoute({
  method: "get",
  path: "/get-user/{id}",
  operationId: "getUser",
  tags: ["Users"],
  summary: "One user",
  request: { params: UserId },
  responses: { 200: json(StoredUser, "The user", exampleUser), ...problems(404, 503) },
});

export const registerGetUser = (app: App, users: UserStore) =>
  app.openapi(getUser, async (c) => {
    const { id } = c.req.valid("param");
    const user = await users.find(id);
    if (!user) throw notFound("user", id);
    return c.json(user, 200);
  });
