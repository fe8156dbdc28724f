import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Server } from "bun";
import type { Context } from "hono";
import type { RequestIdVariables } from "hono/request-id";
import type { By } from "./users/store.ts";

export interface AppEnv {
  /** The server that has the connection; none if the app is called without one. */
  Bindings: Partial<Pick<Server<undefined>, "timeout">> | undefined;
  /** `author` is the name of the token that a write had, if writes need one. */
  Variables: RequestIdVariables & { author?: string };
}

/** Who asks for a write, and on what condition. */
export const byOf = ({ req, var: { author, requestId } }: Context<AppEnv>): By => ({
  author: author ?? null,
  requestId,
  ifMatch: req.header("If-Match"),
});

/** The app that operations register themselves on. */
export type App = OpenAPIHono<AppEnv>;

/** A JSON response in the description of an operation. */
export const json = <T extends z.ZodType>(schema: T, description: string, example?: z.input<T>) => ({
  description,
  content: { "application/json": { schema, ...(example !== undefined && { example }) } },
});

/** A required JSON body: without `required`, a request without a Content-Type would validate as `{}`. */
export const jsonBody = <T extends z.ZodType>(schema: T, example: z.input<T>) => ({
  required: true as const,
  content: { "application/json": { schema, example } },
});

/** The types of a body that is merged into what is stored (RFC 7396). */
export const patchTypes = ["application/merge-patch+json", "application/json"] as const;

/** A required JSON body that is merged into what is stored. */
export const mergePatchBody = <T extends z.ZodType>(schema: T, example: z.input<T>) => ({
  required: true as const,
  content: { [patchTypes[0]]: { schema, example }, [patchTypes[1]]: { schema, example } },
});

/** A response header in the description of an operation. */
export const header = (type: "integer" | "string", description: string) => ({
  description,
  required: true,
  schema: { type },
});

export const etag = header("string", "The version of the user, for `If-Match` and `If-None-Match`.");

/** `Link` (RFC 8288) for a page of a list. */
export const pageLinks = header("string", 'The first page, and unless this is the last one the `rel="next"`.');

/** `Link` for a page: the paths of the first page of the list and of the next one. */
export function linksOf({ req }: Context, next: string | null): string {
  const query = new URL(req.url).searchParams;
  const link = (rel: string) => `<${req.path}${query.size > 0 ? `?${query}` : ""}>; rel="${rel}"`;
  query.delete("cursor");
  const first = link("first");
  if (next === null) return first;
  query.set("cursor", next);
  return `${first}, ${link("next")}`;
}

/** The description of a 202. */
export const onlyLogged =
  "Accepted: the edit is in the topic of edits, but Cassandra has not confirmed it; the consumer applies it.";

/** Which operations require a bearer token depends on the configuration: none, writes, or these too. */
export const tokenIfConfigured: Record<string, string[]>[] = [{}, { token: [] }];
