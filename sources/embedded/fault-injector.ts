import { failure } from "./answer.ts";

/**
 * Injects faults, for tests and for trying out how the pipeline reacts: with `?fault=…` in its URL, a request fails,
 * always or only the first `times` times.
 *
 *   429, 500, 503 …   this status, with `Retry-After: <retryAfter>` if the URL has `retryAfter`
 *   error             status 200 and {"error": "…"}
 *   garbage           status 200 and a body that is not JSON
 *   version           the response of another API version
 *   record            the fourth record has an invalid login.uuid
 *   drop              the connection closes in the middle of the body
 *   hang              no response
 */
export function createFaultInjector() {
  const requests = new Map<string, number>();

  /** @returns the faulty response, or null to answer normally */
  return (url: URL, answer: () => string): Response | Promise<Response> | null => {
    const fault = url.searchParams.get("fault");
    if (fault === null) return null;
    const times = Number(url.searchParams.get("times") ?? Number.POSITIVE_INFINITY);
    const count = (requests.get(url.search) ?? 0) + 1;
    requests.set(url.search, count);
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
        return json(JSON.stringify({ error: `unknown fault: ${fault}` }), 400);
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

/** A body that fails half-way: the server closes the connection before the end of the message. */
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
