import { z } from "@hono/zod-openapi";
import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { messageOf, stackOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { AppEnv } from "./route.ts";

/** Every status an operation can fail with, and its short name in `type`. */
const kinds = {
  400: {
    name: "bad-request",
    title: "Bad request",
    when: "The path, the query, the Host header or the JSON itself is malformed.",
  },
  401: {
    name: "unauthorized",
    title: "Unauthorized",
    when: "A token is configured, and the request carries another or none.",
  },
  404: { name: "not-found", title: "Not found", when: "There is none." },
  405: {
    name: "method-not-allowed",
    title: "Method not allowed",
    when: "The path knows other methods; `Allow` names them.",
  },
  409: { name: "conflict", title: "Conflict", when: "A user of this id exists, or its deletion is dated later." },
  413: { name: "too-large", title: "Content too large", when: "The body is larger than the limit." },
  415: { name: "unsupported-media-type", title: "Unsupported media type", when: "The body is not `application/json`." },
  421: { name: "misdirected", title: "Misdirected request", when: "The Host header names another server." },
  422: {
    name: "invalid",
    title: "Invalid content",
    when: "A field is missing, unknown or not as described; `errors` names it.",
  },
  500: { name: "internal", title: "Internal error", when: "Unexpected; the log has the cause under the request's id." },
  503: {
    name: "unavailable",
    title: "Service unavailable",
    when: "Cassandra is away; `Retry-After` says when to ask again.",
  },
} as const;
export type ProblemStatus = keyof typeof kinds;

interface FieldFault {
  field: string;
  detail: string;
}

/** What an operation throws to end with an error response; `detail` is for the person who sent the request. */
export class Problem extends Error {
  override name = "Problem";
  constructor(
    readonly status: ProblemStatus,
    readonly detail: string,
    readonly more: { errors?: FieldFault[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
  }
}

export const notFound = (what: string, id: string) => new Problem(404, `there is no ${what} ${id}`);

export const unavailable = (cause?: unknown) =>
  new Problem(503, "Cassandra does not answer at the moment", { headers: { "Retry-After": "2" }, cause });

/** A request part that does not fit its schema: 422 for a body, 400 for path and query. */
export function invalid(target: string, error: z.core.$ZodError): Problem {
  const errors = error.issues.flatMap(faultsOf);
  const line = errors.map(({ field, detail }) => `${field}: ${detail}`).join("; ");
  return new Problem(target === "json" ? 422 : 400, line, { errors });
}

function faultsOf(issue: z.core.$ZodIssue): FieldFault[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ field: [...issue.path, key].join("."), detail: "Unknown field" }));
  return [{ field: issue.path.join(".") || "(all)", detail: detailOf(issue) }];
}

/** zod's own words, save where they call a missing field undefined. */
function detailOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return "Missing";
  return issue.message;
}

const ProblemDocument = z
  .object({
    type: z.string().meta({ description: "Identifies the kind of problem." }),
    title: z.string().meta({ description: "The kind in words; the same for every occurrence." }),
    status: z.number().int(),
    detail: z.string().meta({ description: "What went wrong this time." }),
    instance: z.string().meta({ description: "The path that was asked for." }),
    requestId: z.string().meta({ description: "Finds the request in the log; also in `X-Request-Id`." }),
    errors: z
      .array(z.object({ field: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: "The fields at fault." }),
  })
  .meta({ id: "Problem", description: "An error, as RFC 9457 has it." });

/** What any operation can fail with. */
const everywhere = [400, 421, 500] as const;

/** The error responses of an operation, for its description: `statuses`, and those that any operation has. */
export function problems<S extends ProblemStatus>(...statuses: S[]) {
  const entries = [...statuses, ...everywhere].map((status) => [
    status,
    {
      description: kinds[status].when,
      content: { "application/problem+json": { schema: ProblemDocument, example: exampleOf(status) } },
      ...(status === 503 && {
        headers: { "Retry-After": header("integer", "Seconds until it is worth trying again.") },
      }),
      ...(status === 401 && { headers: { "WWW-Authenticate": header("string", "The scheme to use: Bearer.") } }),
    },
  ]);
  return Object.fromEntries(entries) as Record<
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

type ProblemContent = { "application/problem+json": { schema: typeof ProblemDocument } };

export const header = (type: "integer" | "string", description: string) => ({
  description,
  required: true,
  schema: { type },
});

/** Answers every error as `application/problem+json`. What is unexpected goes to the log, never to the client. */
export const answerErrors =
  (log: Log): ErrorHandler<AppEnv> =>
  (error, c) => {
    const { requestId } = c.var;
    if (isAborted(error, c)) {
      log.info("request aborted by its client", { requestId, route: c.req.path });
      return new Response(null, { status: 499 }); // nobody reads it; the status is what nginx counts such requests under
    }
    const problem = problemOf(error);
    if (problem.status === 500)
      log.error("request failed", { requestId, route: c.req.path, error: messageOf(error), stack: stackOf(error) });
    else if (problem.more.cause !== undefined)
      log.warn("request refused", { requestId, route: c.req.path, error: messageOf(problem.more.cause) });
    return respond(c, problem);
  };

/** 405 where the path knows other methods, 404 where it is unknown. */
export const answerUnknown =
  (methodsOf: (path: string) => string[]): NotFoundHandler<AppEnv> =>
  (c) => {
    const methods = methodsOf(c.req.path);
    const problem =
      methods.length > 0
        ? new Problem(405, `${c.req.path} knows ${methods.join(", ")} alone`, {
            headers: { Allow: methods.join(", ") },
          })
        : new Problem(404, `there is nothing at ${c.req.path}`);
    return respond(c, problem);
  };

/** The client closed the connection before its body had arrived. */
const isAborted = (error: unknown, c: Context) =>
  error instanceof Error && error.name === "AbortError" && c.req.raw.signal.aborted;

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && error.status in kinds)
    return new Problem(error.status as ProblemStatus, error.message || kinds[error.status as ProblemStatus].when);
  return new Problem(500, "something unexpected happened; the log has it under the request's id");
}

function respond(c: Context<AppEnv>, { status, detail, more }: Problem): Response {
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
