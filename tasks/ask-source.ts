import ky, { HTTPError } from "ky";
import { firstFault } from "../contract/user.ts";
import { shownAddress } from "../runtime/addresses.ts";
import type { Config } from "../runtime/config.ts";
import { FinalError, messageOf, TransientError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { redact } from "../sources/redact.ts";
import type { Source, SourceRequest } from "../sources/source.ts";
import type { Reject } from "./rejects.ts";

/** A source's answer: valid records, reduced to the allow-list, and rejects. */
export interface Answer {
  records: unknown[];
  rejects: Reject[];
}

/** The longest wait between two attempts, even if Retry-After is longer, in milliseconds. */
const maxWaitMs = 60_000;

/**
 * Sends one request and retries it on 429, 5xx, timeouts and dropped connections.
 * @throws FinalError if the response does not match the source's schema, which a retry would not fix
 */
export async function askSource(
  source: Source,
  request: SourceRequest,
  config: Config,
  { log, stop }: { log: Log; stop: AbortSignal },
): Promise<Answer> {
  const url = source.url(config, request);
  const shown = shownAddress(url);
  let text: string;
  try {
    text = await get(url, config.fetch, log, stop);
  } catch (error) {
    if (error instanceof HTTPError && !transientStatuses.includes(error.response.status))
      throw new FinalError(`${source.name} rejected the request with status ${error.response.status}: ${shown}`);
    stop.throwIfAborted(); // stopping, not the source, ended the attempts
    throw new TransientError(
      `${source.name} did not respond successfully in ${config.fetch.attempts} attempts: ${shown}`,
      {
        cause: error,
      },
    );
  }
  return readAnswer(source, text, shown, request);
}

/** Parses a response body into records and rejects. Pure. */
export function readAnswer(
  source: Source,
  text: string,
  url: string,
  { page, nationalities }: Pick<SourceRequest, "page" | "nationalities"> = { page: 1, nationalities: [] },
): Answer {
  const invalid = (fault: string) =>
    new FinalError(`the response of ${source.name} does not match its API: ${fault} (${url})`);

  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalid("the body is not JSON");
  }
  const response = source.response.safeParse(body);
  if (!response.success) throw invalid(firstFault(response.error) + errorIn(body));
  if (response.data.length === 0 && page === 1) throw invalid(`${source.recordsAt}: no users`);
  const unrequested = findUnrequestedNationality(source, response.data, nationalities);
  if (unrequested) throw invalid(unrequested);

  const answer: Answer = { records: [], rejects: [] };
  response.data.forEach((value, index) => {
    const record = source.record.safeParse(value);
    if (record.success) answer.records.push(record.data);
    else
      answer.rejects.push({
        reason: firstFault(record.error, `${source.recordsAt}[${index}]`),
        original: redact(source.record, value),
      });
  });
  return answer;
}

/** Describes the first record with a nationality that was not requested; a source may ignore the parameter. */
function findUnrequestedNationality(
  { nationalities: known, recordsAt }: Source,
  records: unknown[],
  requested: readonly string[],
) {
  if (!known || requested.length === 0) return undefined;
  const codes = records.map((record) => String(known.of(record)));
  const index = codes.findIndex((code) => !requested.includes(code.toLowerCase()));
  return index < 0
    ? undefined
    : `${recordsAt}[${index}].nat: ${codes[index]} was not requested, only ${requested.join(", ")}`;
}

async function get(url: string, { timeoutMs, attempts }: Config["fetch"], log: Log, stop: AbortSignal) {
  const response = await ky.get(url, {
    timeout: timeoutMs,
    signal: stop,
    headers: { accept: "application/json" },
    // The body is read within the attempt, so that a connection that drops half-way is retried too.
    fetch: async (request) => {
      const answer = await globalThis.fetch(request);
      return new Response(await answer.arrayBuffer(), answer);
    },
    retry: {
      limit: attempts - 1,
      backoffLimit: 10_000,
      maxRetryAfter: maxWaitMs,
      jitter: (delayMs) => delayMs * (0.5 + Math.random() / 2),
      statusCodes: transientStatuses,
      // undefined defers to statusCodes and Retry-After; any other error is a network error.
      shouldRetry: ({ error }) => (stop.aborted ? false : error instanceof HTTPError ? undefined : true),
    },
    hooks: {
      beforeRetry: [
        ({ error, retryCount }) => log.warn("retrying request", { attempt: retryCount + 1, error: messageOf(error) }),
      ],
    },
  });
  return response.text();
}

const transientStatuses = [408, 429, ...Array.from({ length: 100 }, (_, index) => 500 + index)];

/** The message of a body such as {"error": "…"}. */
function errorIn(body: unknown): string {
  const error = (body as { error?: unknown } | null)?.error;
  return typeof error === "string" ? `; its error is "${error.slice(0, 200)}"` : "";
}
