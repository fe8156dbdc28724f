import { createRoute } from "@hono/zod-openapi";
import { notFound } from "../problem.ts";
import { problems } from "../problem-document.ts";
import { type App, byOf, onlyLogged, tokenIfConfigured } from "../route.ts";
import { conditional, IfMatch } from "./entity-tag.ts";
import { UserId } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const deleteUser = createRoute({
  method: "delete",
  path: "/delete-user/{id}",
  operationId: "deleteUser",
  tags: ["Users"],
  summary: "Delete a user",
  description:
    "The row is deleted from Cassandra. The user stays in PostgreSQL, in the topics and in the files of runs, and a newer " +
    `record or an edit of the row in PostgreSQL brings the row back. ${conditional("deleted")}`,
  security: tokenIfConfigured,
  request: { params: UserId, headers: IfMatch },
  responses: {
    204: { description: "The row has been deleted" },
    202: { description: onlyLogged },
    ...problems(401, 404, 409, 412, 503),
  },
});

export const registerDeleteUser = (app: App, users: UserStore) =>
  app.openapi(deleteUser, async (c) => {
    const { id } = c.req.valid("param");
    const outcome = await users.remove(id, byOf(c));
    if (outcome === undefined) throw notFound("user", id);
    return c.body(null, outcome === "stored" ? 204 : 202);
  });
