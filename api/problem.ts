import type { z } from "@hono/zod-openapi";

/** Every status an operation can fail with, and its short name in `type`. */
export const kinds = {
  400: {
    name: "bad-request",
    title: "Bad request",
    when: "The path, the query, a header or the JSON is malformed.",
  },
  401: {
    name: "unauthorized",
    title: "Unauthorized",
    when: "The operation requires a token, and the request has none or a wrong one.",
  },
  403: {
    name: "forbidden",
    title: "Forbidden",
    when: "Only a token may do this, and this API has none; or its edits are not logged.",
  },
  404: { name: "not-found", title: "Not found", when: "No such user." },
  405: {
    name: "method-not-allowed",
    title: "Method not allowed",
    when: "The path does not support this method; `Allow` lists those it supports.",
  },
  409: {
    name: "conflict",
    title: "Conflict",
    when: "A user with this id exists or was forgotten, or its last write or deletion is ahead of the server's clock.",
  },
  412: {
    name: "precondition-failed",
    title: "Precondition failed",
    when: "The user is not the one with the ETag in `If-Match` any more; read it again.",
  },
  413: { name: "too-large", title: "Content too large", when: "The body is larger than the limit." },
  415: {
    name: "unsupported-media-type",
    title: "Unsupported media type",
    when: "The body is of another type than the operation takes.",
  },
  421: { name: "misdirected", title: "Misdirected request", when: "The Host header names another server." },
  422: {
    name: "invalid",
    title: "Invalid content",
    when: "A field is missing, unknown or invalid; `errors` names it.",
  },
  500: { name: "internal", title: "Internal error", when: "Unexpected; the log has the cause under the request's id." },
  503: {
    name: "unavailable",
    title: "Service unavailable",
    when: "Cassandra, or for a write Kafka, is unavailable; retry after `Retry-After` seconds. Nothing was changed, unless `detail` says otherwise.",
  },
} as const;
export type ProblemStatus = keyof typeof kinds;

export const isProblemStatus = (status: number): status is ProblemStatus => status in kinds;

interface FieldFault {
  field: string;
  detail: string;
}

/** Thrown by an operation to end with an error response; the client sees `detail`. */
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

export const notFound = (what: string, id: string) => new Problem(404, `no ${what} with the id ${id}`);

export const unavailable = (cause?: unknown, detail = "Cassandra is unavailable at the moment") =>
  new Problem(503, detail, { headers: { "Retry-After": "2" }, cause });

/** A part of the request that does not match its schema: 422 for a body, 400 for path and query. */
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

/** zod's own message, except that it calls a missing field undefined. */
function detailOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return "Missing";
  return issue.message;
}
