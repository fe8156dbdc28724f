import { createRoute } from "@hono/zod-openapi";
import { bodyOf } from "../body.ts";
import { Problem } from "../problem.ts";
import { problems } from "../problem-document.ts";
import { type App, byOf, etag, header, json, jsonBody, onlyLogged, tokenIfConfigured } from "../route.ts";
import { tagOf } from "./entity-tag.ts";
import { exampleNewUser, exampleUser, NewUser, StoredUser } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const addUser = createRoute({
  method: "post",
  path: "/add-user",
  operationId: "addUser",
  tags: ["Users"],
  summary: "Add a user",
  security: tokenIfConfigured,
  middleware: bodyOf("application/json"),
  request: { body: jsonBody(NewUser, exampleNewUser) },
  responses: {
    201: {
      ...json(StoredUser, "The stored user", exampleUser),
      headers: { Location: header("string", "The path of the user."), ETag: etag },
      links: {
        read: { operationId: "getUser", parameters: { id: "$response.body#/id" } },
        change: { operationId: "updateUser", parameters: { id: "$response.body#/id" } },
        delete: { operationId: "deleteUser", parameters: { id: "$response.body#/id" } },
      },
    },
    202: {
      ...json(StoredUser, onlyLogged, exampleUser),
      headers: { Location: header("string", "The path of the user.") },
    },
    ...problems(401, 409, 413, 415, 422, 503),
  },
});

export const registerAddUser = (app: App, users: UserStore) =>
  app.openapi(addUser, async (c) => {
    const { id = crypto.randomUUID(), ...profile } = c.req.valid("json");
    const added = await users.add({ id, ...profile }, byOf(c));
    if (added.kind === "exists") throw new Problem(409, `user ${id} exists; change it with PUT /update-user/${id}`);
    if (added.kind === "forgotten") throw new Problem(409, `user ${id} was forgotten; add the user with another id`);
    if (added.kind === "deleted later")
      throw new Problem(409, `user ${id} was deleted with a time ahead of this server's clock; retry after that time`);
    if (added.kind === "logged") return c.json(added.user, 202, { Location: `/get-user/${id}` });
    return c.json(added.user, 201, { Location: `/get-user/${id}`, ETag: tagOf(added.user, added.written) });
  });
