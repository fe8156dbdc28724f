import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { RequestIdVariables } from "hono/request-id";

export interface AppEnv {
  Variables: RequestIdVariables;
}

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

/** Writes require a bearer token if one is configured; otherwise they are open. */
export const tokenIfConfigured: Record<string, string[]>[] = [{}, { token: [] }];
