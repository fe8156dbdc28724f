import { createRoute } from "@hono/zod-openapi";
import { notFound } from "../problem.ts";
import { problems } from "../problem-document.ts";
import { type App, etag, json, tokenIfConfigured } from "../route.ts";
import { IfNoneMatch, isKnown, tagOf } from "./entity-tag.ts";
import { exampleUser, StoredUser, UserId } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const getUser = createRoute({
  method: "get",
  path: "/get-user/{id}",
  operationId: "getUser",
  tags: ["Users"],
  summary: "One user",
  security: tokenIfConfigured,
  request: { params: UserId, headers: IfNoneMatch },
  responses: {
    200: { ...json(StoredUser, "The user", exampleUser), headers: { ETag: etag } },
    304: { description: "The client has this version of the user", headers: { ETag: etag } },
    ...problems(401, 404, 503),
  },
});

export const registerGetUser = (app: App, users: UserStore) =>
  app.openapi(getUser, async (c) => {
    const { id } = c.req.valid("param");
    const found = await users.find(id);
    if (!found) throw notFound("user", id);
    const ETag = tagOf(found.user, found.written);
    if (isKnown(ETag, c.req.header("If-None-Match"))) return c.body(null, 304, { ETag });
    return c.json(found.user, 200, { ETag });
  });
