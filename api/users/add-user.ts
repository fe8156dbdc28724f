import { createRoute } from "@hono/zod-openapi";
import { utf8Body } from "../body.ts";
import { header, Problem, problems } from "../errors.ts";
import { type App, json, jsonBody, tokenWhereConfigured } from "../route.ts";
import { exampleNewUser, exampleUser, NewUser, StoredUser } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const addUser = createRoute({
  method: "post",
  path: "/add-user",
  operationId: "addUser",
  tags: ["Users"],
  summary: "Add a user",
  security: tokenWhereConfigured,
  middleware: utf8Body,
  request: { body: jsonBody(NewUser, exampleNewUser) },
  responses: {
    201: {
      ...json(StoredUser, "The user as it is stored", exampleUser),
      headers: { Location: header("string", "Where the user can be read.") },
      links: {
        read: { operationId: "getUser", parameters: { id: "$response.body#/id" } },
        change: { operationId: "updateUser", parameters: { id: "$response.body#/id" } },
        delete: { operationId: "deleteUser", parameters: { id: "$response.body#/id" } },
      },
    },
    ...problems(401, 409, 413, 415, 422, 503),
  },
});

export const registerAddUser = (app: App, users: UserStore) =>
  app.openapi(addUser, async (c) => {
    const { id = crypto.randomUUID(), ...profile } = c.req.valid("json");
    const added = await users.add({ id, ...profile });
    if (added.kind === "exists") throw new Problem(409, `user ${id} exists; change it with PUT /update-user/${id}`);
    if (added.kind === "deleted later")
      throw new Problem(
        409,
        `user ${id} was deleted at a time ahead of this server's clock; try again once it has come`,
      );
    return c.json(added.user, 201, { Location: `/get-user/${id}` });
  });
