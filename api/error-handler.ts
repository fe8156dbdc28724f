import type { Context, ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { messageOf, stackOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { isProblemStatus, kinds, Problem } from "./problem.ts";
import { respond } from "./problem-document.ts";
import type { AppEnv } from "./route.ts";

/** Answers every error as a problem. The cause of an unexpected error goes to the log, never to the client. */
export const handleErrors =
  (log: Log): ErrorHandler<AppEnv> =>
  (error, c) => {
    const { requestId } = c.var;
    if (isAborted(error, c)) {
      log.info("request aborted by its client", { requestId, route: c.req.path });
      return new Response(null, { status: 499 }); // never received; nginx uses this status for such requests
    }
    const problem = problemOf(error);
    if (problem.status === 500)
      log.error("request failed", { requestId, route: c.req.path, error: messageOf(error), stack: stackOf(error) });
    else if (problem.more.cause !== undefined)
      log.warn("request refused", { requestId, route: c.req.path, error: messageOf(problem.more.cause) });
    return respond(c, problem);
  };

/** The client closed the connection before sending the whole body. */
const isAborted = (error: unknown, c: Context) =>
  error instanceof Error && error.name === "AbortError" && c.req.raw.signal.aborted;

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && isProblemStatus(error.status))
    return new Problem(error.status, error.message || kinds[error.status].when);
  return new Problem(500, "unexpected error; the log has the cause under the request's id");
}
