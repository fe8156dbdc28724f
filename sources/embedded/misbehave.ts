import { failure } from "./answer.ts";

/**
 * Faults on request, for tests and for trying out what the pipeline does: `?misbehave=…` in the address makes the
 * source fail, the first `times` times that the address is asked for, or always.
 *
 *   429, 500, 503 …   that status, with `Retry-After: <retryAfter>` where the address has `retryAfter`
 *   error             status 200 and {"error": "…"}
 *   garbage           status 200 and no JSON
 *   version           the answer of another API version
 *   record            one record, the fourth, without a proper login.uuid
 *   drop              a connection that closes in the middle of the body
 *   hang              no answer
 */
export function openMisbehaviour() {
  const asked = new Map<string, number>();

  /** @returns the misbehaviour's answer, or null where the source shall answer as ever */
  return (url: URL, answer: () => string): Response | Promise<Response> | null => {
    const fault = url.searchParams.get("misbehave");
    if (fault === null) return null;
    const times = Number(url.searchParams.get("times") ?? Number.POSITIVE_INFINITY);
    const count = (asked.get(url.search) ?? 0) + 1;
    asked.set(url.search, count);
    if (count > times) return null;

    if (/^[45]\d\d$/.test(fault)) {
      const retryAfter = url.searchParams.get("retryAfter");
      return json(failure, Number(fault), retryAfter === null ? {} : { "retry-after": retryAfter });
    }
    switch (fault) {
      case "error":
        return json(failure);
      case "garbage":
        return json("<html>It works!</html>");
      case "version":
        return json(answer().replace(/"version":"[^"]*"/, '"version":"1.3"'));
      case "record":
        return json(withBrokenRecord(answer()));
      case "drop":
        return new Response(halfOf(answer()));
      case "hang":
        return new Promise(() => {});
      default:
        return json(JSON.stringify({ error: `misbehave=${fault} is none of the faults that this source knows` }), 400);
    }
  };
}

const json = (body: string, status = 200, headers: Record<string, string> = {}) =>
  new Response(body, { status, headers: { "content-type": "application/json; charset=utf-8", ...headers } });

function withBrokenRecord(body: string) {
  const answer = JSON.parse(body) as { results: { login: { uuid: string } }[] };
  const record = answer.results[3];
  if (record) record.login.uuid = "no-uuid";
  return JSON.stringify(answer);
}

/** A body that fails half-way: the server closes the connection without the end of the message. */
function halfOf(body: string) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(body.slice(0, body.length / 2)));
    },
    async pull(controller) {
      await Bun.sleep(20);
      controller.error();
    },
  });
}
