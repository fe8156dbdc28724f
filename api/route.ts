import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { RequestIdVariables } from "hono/request-id";

export interface AppEnv {
  Variables: RequestIdVariables;
}

/** What every operation registers itself on. */
export type App = OpenAPIHono<AppEnv>;

/** A JSON response of an operation, for its description. */
export const json = <T extends z.ZodType>(schema: T, description: string, example?: z.input<T>) => ({
  description,
  content: { "application/json": { schema, ...(example !== undefined && { example }) } },
});

/** A JSON body that must be there: without `required`, a missing Content-Type would validate as `{}`. */
export const jsonBody = <T extends z.ZodType>(schema: T, example: z.input<T>) => ({
  required: true as const,
  content: { "application/json": { schema, example } },
});

/** Writes carry a bearer token where one is configured; elsewhere they are open. */
export const tokenWhereConfigured: Record<string, string[]>[] = [{}, { token: [] }];
