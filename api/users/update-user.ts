import { createRoute } from "@hono/zod-openapi";
import { utf8Body } from "../body.ts";
import { notFound } from "../problem.ts";
import { problems } from "../problem-document.ts";
import { type App, byOf, json, jsonBody, onlyLogged, tokenIfConfigured } from "../route.ts";
import { exampleChanges, exampleUser, StoredUser, UserChanges, UserId } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const updateUser = createRoute({
  method: "put",
  path: "/update-user/{id}",
  operationId: "updateUser",
  tags: ["Users"],
  summary: "Change one or more fields of a user",
  description: "Omitted fields keep their values. The newest write wins, whichever client sent it.",
  security: tokenIfConfigured,
  middleware: utf8Body,
  request: { params: UserId, body: jsonBody(UserChanges, exampleChanges) },
  responses: {
    200: json(StoredUser, "The user's new state", exampleUser),
    202: json(StoredUser, onlyLogged, exampleUser),
    ...problems(401, 404, 409, 413, 415, 422, 503),
  },
});

export const registerUpdateUser = (app: App, users: UserStore) =>
  app.openapi(updateUser, async (c) => {
    const { id } = c.req.valid("param");
    const updated = await users.update(id, c.req.valid("json"), byOf(c));
    if (!updated) throw notFound("user", id);
    return c.json(updated.user, updated.kind === "stored" ? 200 : 202);
  });
