import { createRoute } from "@hono/zod-openapi";
import { indexedField } from "../../contract/entity.ts";
import { problems } from "../problem-document.ts";
import { type App, json, linksOf, pageLinks, tokenIfConfigured } from "../route.ts";
import { exampleUser, SearchQuery, UserPage } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const words = indexedField.replaceAll("_", " ");

const searchUser = createRoute({
  method: "get",
  path: "/search-user",
  operationId: "searchUser",
  tags: ["Users"],
  summary: `Users with a given ${words}, ignoring case`,
  security: tokenIfConfigured,
  request: { query: SearchQuery },
  responses: {
    200: {
      ...json(UserPage, `The users with that ${words}; an empty list if there are none`, {
        users: [exampleUser],
        cursor: null,
      }),
      headers: { Link: pageLinks },
    },
    ...problems(401, 503),
  },
});

export const registerSearchUser = (app: App, users: UserStore) =>
  app.openapi(searchUser, async (c) => {
    const { [indexedField]: text, limit, cursor } = c.req.valid("query");
    const page = await users.search(text, limit, cursor);
    return c.json(page, 200, { Link: linksOf(c, page.cursor) });
  });
