import { createRoute } from "@hono/zod-openapi";
import { searchFields } from "../../contract/entity.ts";
import { problems } from "../problem-document.ts";
import { type App, json, linksOf, pageLinks, tokenIfConfigured } from "../route.ts";
import { exampleUser, SearchQuery, UserPage } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const names = new Intl.ListFormat("en", { type: "disjunction" }).format(
  searchFields.map((name) => name.replaceAll("_", " ")),
);

const searchUser = createRoute({
  method: "get",
  path: "/search-user",
  operationId: "searchUser",
  tags: ["Users"],
  summary: `Users by ${names}, ignoring case`,
  description: "Give at least one of them in full; of several, a user has to have all.",
  security: tokenIfConfigured,
  request: { query: SearchQuery },
  responses: {
    200: {
      ...json(UserPage, "The users who have all that is given; an empty list if there are none", {
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
    const { limit, cursor, ...wanted } = c.req.valid("query");
    const page = await users.search(wanted, limit, cursor);
    return c.json(page, 200, { Link: linksOf(c, page.cursor) });
  });
