import { createRoute, z } from "@hono/zod-openapi";
import { notFound, Problem } from "../problem.ts";
import { problems } from "../problem-document.ts";
import { type App, byOf, onlyLogged, tokenIfConfigured } from "../route.ts";
import { conditional, IfMatch } from "./entity-tag.ts";
import { UserId } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const Everywhere = z.object({
  everywhere: z
    .enum(["true", "false"])
    .default("false")
    .openapi({ description: "Whether the user is to be forgotten: removed from everything, permanently." }),
});

const deleteUser = createRoute({
  method: "delete",
  path: "/delete-user/{id}",
  operationId: "deleteUser",
  tags: ["Users"],
  summary: "Delete a user",
  description:
    "The row is deleted from Cassandra. The user stays in PostgreSQL, in the topics and in the files of runs, and a newer " +
    `record or an edit of the row in PostgreSQL brings the row back. ${conditional("deleted")} ` +
    "With `everywhere=true`, which needs a token, the row is deleted, a hash of the id is noted, and no record, run or " +
    "snapshot brings the user back; PostgreSQL, topics and files have the user until `bun run forget` is run.",
  security: tokenIfConfigured,
  request: { params: UserId, headers: IfMatch, query: Everywhere },
  responses: {
    204: { description: "The row has been deleted" },
    202: { description: `${onlyLogged} With \`everywhere=true\`: the user will be forgotten.` },
    ...problems(401, 403, 404, 409, 412, 503),
  },
});

export const registerDeleteUser = (app: App, users: UserStore) =>
  app.openapi(deleteUser, async (c) => {
    const { id } = c.req.valid("param");
    if (c.req.valid("query").everywhere === "true") {
      if (c.var.author === undefined)
        throw new Problem(403, "everywhere=true needs a token, and this API has none: set API_TOKEN or API_TOKENS");
      await users.forget(id, c.var.author);
      return c.body(null, 202);
    }
    const outcome = await users.remove(id, byOf(c));
    if (outcome === undefined) throw notFound("user", id);
    return c.body(null, outcome === "stored" ? 204 : 202);
  });
