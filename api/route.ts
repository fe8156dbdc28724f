import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { RequestIdVariables } from "hono/request-id";
import type { By } from "./users/store.ts";

export interface AppEnv {
  /** `author` is the name of the token that a write had, if writes need one. */
  Variables: RequestIdVariables & { author?: string };
}

/** Who asks for a write. */
export const byOf = ({ var: { author, requestId } }: Context<AppEnv>): By => ({ author: author ?? null, requestId });

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

/** A response header in the description of an operation. */
export const header = (type: "integer" | "string", description: string) => ({
  description,
  required: true,
  schema: { type },
});

/** The description of a 202. */
export const onlyLogged =
  "Accepted: the edit is in the topic of edits, but Cassandra has not confirmed it; the consumer applies it.";

/** Writes require a bearer token if one is configured; otherwise they are open. */
export const tokenIfConfigured: Record<string, string[]>[] = [{}, { token: [] }];
