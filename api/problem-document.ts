import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { kinds, type Problem, type ProblemStatus } from "./problem.ts";
import { type AppEnv, header } from "./route.ts";

const ProblemDocument = z
  .object({
    type: z.string().meta({ description: "Identifies the kind of problem." }),
    title: z.string().meta({ description: "The kind in words; the same for every occurrence." }),
    status: z.number().int(),
    detail: z.string().meta({ description: "What went wrong this time." }),
    instance: z.string().meta({ description: "The path of the request." }),
    requestId: z.string().meta({ description: "Identifies the request in the log; also in `X-Request-Id`." }),
    errors: z
      .array(z.object({ field: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: "The invalid fields." }),
  })
  .meta({ id: "Problem", description: "An error in the format of RFC 9457." });

/** Answers with a problem as `application/problem+json`. */
export function respond(c: Context<AppEnv>, { status, detail, more }: Problem): Response {
  const document: z.infer<typeof ProblemDocument> = {
    type: typeOf(status),
    title: kinds[status].title,
    status,
    detail,
    instance: c.req.path,
    requestId: c.var.requestId,
    ...(more.errors && { errors: more.errors }),
  };
  return c.body(JSON.stringify(document), status, { ...more.headers, "Content-Type": "application/problem+json" });
}

/** Bun answers this itself, before the API sees the request. */
const headTooLarge = "The URL and the headers are larger than 16 KiB together. The answer has no body.";

/** Statuses that every operation can fail with. */
const everywhere = [400, 421, 500] as const;

type ProblemContent = { "application/problem+json": { schema: typeof ProblemDocument } };

/** An operation's error responses in the OpenAPI document: `statuses`, and those that every operation has. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const entries = [...statuses, ...everywhere].map((status) => [
    status,
    {
      description: kinds[status].when,
      content: { "application/problem+json": { schema: ProblemDocument, example: exampleOf(status) } },
      ...(status === 503 && {
        headers: { "Retry-After": header("integer", "Seconds to wait before retrying.") },
      }),
      ...(status === 401 && { headers: { "WWW-Authenticate": header("string", "The scheme to use: Bearer.") } }),
    },
  ]);
  return { ...Object.fromEntries(entries), 431: { description: headTooLarge } } as Record<
    S | (typeof everywhere)[number],
    { description: string; content: ProblemContent }
  >;
}

const exampleOf = (status: ProblemStatus) => ({
  type: typeOf(status),
  title: kinds[status].title,
  status,
  detail: kinds[status].when,
  instance: "/get-user/c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
  requestId: "6ab6971f-fd8c-4953-9d07-a7d485d1057a",
  ...((status === 400 || status === 422) && { errors: [{ field: "email", detail: "Missing" }] }),
});

const typeOf = (status: ProblemStatus) => `urn:problem-type:user-automation:${kinds[status].name}`;
