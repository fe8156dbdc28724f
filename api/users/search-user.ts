import { createRoute } from "@hono/zod-openapi";
import { indexedField } from "../../contract/entity.ts";
import { problems } from "../problem-document.ts";
import { type App, json } from "../route.ts";
import { exampleUser, SearchQuery, UserPage } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const words = indexedField.replaceAll("_", " ");

const searchUser = createRoute({
  method: "get",
  path: "/search-user",
  operationId: "searchUser",
  tags: ["Users"],
  summary: `Users with a given ${words}, ignoring case`,
  request: { query: SearchQuery },
  responses: {
    200: json(UserPage, `The users with that ${words}; an empty list if there are none`, {
      users: [exampleUser],
      cursor: null,
    }),
    ...problems(503),
  },
});

export const registerSearchUser = (app: App, users: UserStore) =>
  app.openapi(searchUser, async (c) => {
    const { [indexedField]: text, limit, cursor } = c.req.valid("query");
    return c.json(await users.search(text, limit, cursor), 200);
  });
