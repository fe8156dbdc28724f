import { createRoute } from "@hono/zod-openapi";
import { problems } from "../problem-document.ts";
import { type App, json, linksOf, pageLinks, tokenIfConfigured } from "../route.ts";
import { exampleUser, PageQuery, UserPage } from "./shapes.ts";
import type { UserStore } from "./store.ts";

const listUsers = createRoute({
  method: "get",
  path: "/users",
  operationId: "listUsers",
  tags: ["Users"],
  summary: "All users, page by page",
  description: "Repeat with the `cursor` from the response until it is null. A page may have fewer users than `limit`.",
  security: tokenIfConfigured,
  request: { query: PageQuery },
  responses: {
    200: {
      ...json(UserPage, "A page of users", { users: [exampleUser], cursor: null }),
      headers: { Link: pageLinks },
      links: { next: { operationId: "listUsers", parameters: { cursor: "$response.body#/cursor" } } },
    },
    ...problems(401, 503),
  },
});

export const registerListUsers = (app: App, users: UserStore) =>
  app.openapi(listUsers, async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const page = await users.list(limit, cursor);
    return c.json(page, 200, { Link: linksOf(c, page.cursor) });
  });
