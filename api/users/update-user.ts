import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { bodyOf } from "../body.ts";
import { notFound } from "../problem.ts";
import { problems } from "../problem-document.ts";
import {
  type App,
  type AppEnv,
  byOf,
  etag,
  json,
  jsonBody,
  mergePatchBody,
  onlyLogged,
  patchTypes,
  tokenIfConfigured,
} from "../route.ts";
import { conditional, IfMatch, tagOf } from "./entity-tag.ts";
import { exampleChanges, exampleUser, StoredUser, UserChanges, UserId } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const common = {
  path: "/update-user/{id}",
  tags: ["Users"],
  security: tokenIfConfigured,
  responses: {
    200: { ...json(StoredUser, "The user's new state", exampleUser), headers: { ETag: etag } },
    202: json(StoredUser, onlyLogged, exampleUser),
    ...problems(401, 404, 409, 412, 413, 415, 422, 503),
  },
};

const updateUser = createRoute({
  ...common,
  method: "put",
  operationId: "updateUser",
  summary: "Change one or more fields of a user",
  description: `Omitted fields keep their values. ${conditional("changed")}`,
  middleware: bodyOf("application/json"),
  request: { params: UserId, headers: IfMatch, body: jsonBody(UserChanges, exampleChanges) },
});

const patchUser = createRoute({
  ...common,
  method: "patch",
  operationId: "patchUser",
  summary: "Change one or more fields of a user with a JSON merge patch",
  description: `RFC 7396: omitted fields keep their values, and null clears a field that may be empty. ${conditional("changed")}`,
  middleware: bodyOf(...patchTypes),
  request: { params: UserId, headers: IfMatch, body: mergePatchBody(UserChanges, exampleChanges) },
});

export function registerUpdateUser(app: App, users: UserStore) {
  const update = async (c: Context<AppEnv>, id: string, changes: UserChanges) => {
    const updated = await users.update(id, changes, byOf(c));
    if (!updated) throw notFound("user", id);
    const { kind, user, written } = updated;
    return kind === "stored" ? c.json(user, 200, { ETag: tagOf(user, written) }) : c.json(user, 202);
  };
  app.openapi(updateUser, (c) => update(c, c.req.valid("param").id, c.req.valid("json")));
  app.openapi(patchUser, (c) => update(c, c.req.valid("param").id, c.req.valid("json")));
}
