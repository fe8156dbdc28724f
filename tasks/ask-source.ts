import ky, { HTTPError } from "ky";
import { firstFault } from "../contract/first-fault.ts";
import { shownAddress } from "../runtime/addresses.ts";
import { FinalError, messageOf, TransientError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { Config, ConfiguredSource } from "../sources/config.ts";
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
  source: ConfiguredSource,
  asked: SourceRequest,
  config: Pick<Config, "fetch">,
  { log, stop }: { log: Log; stop: AbortSignal },
): Promise<Answer> {
  const request = source.requestFor(asked);
  const shown = shownAddress(request.url);
  let text: string;
  try {
    text = await send(source, request, config.fetch, log, stop);
  } catch (error) {
    if (error instanceof HTTPError && !transientStatuses.includes(error.response.status))
      throw new FinalError(`${refusalOf(source, error.response.status)}: ${shown}`);
    stop.throwIfAborted(); // stopping, not the source, ended the attempts
    throw new TransientError(
      `${source.name} did not respond successfully in ${config.fetch.attempts} attempts: ${shown}`,
      { cause: withheld(messageOf(error), source.secrets) },
    );
  }
  return readAnswer(source, text, shown, asked);
}

/** Parses a response body into records and rejects. Pure. */
export function readAnswer(
  source: Source & Partial<Pick<ConfiguredSource, "secrets">>,
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
  if (!response.success) throw invalid(firstFault(response.error) + errorIn(body, source.secrets));
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

async function send(
  { secrets }: ConfiguredSource,
  request: Request,
  { timeoutMs, attempts }: Config["fetch"],
  log: Log,
  stop: AbortSignal,
) {
  const response = await ky(request, {
    timeout: timeoutMs,
    signal: stop,
    redirect: secrets.length > 0 ? "manual" : request.redirect,
    headers: { accept: request.headers.get("accept") ?? "application/json" },
    // The body is read within the attempt, so that a connection that drops half-way is retried too.
    fetch: async (request) => {
      const answer = await globalThis.fetch(request);
      return new Response(await answer.arrayBuffer(), answer);
    },
    retry: {
      limit: attempts - 1,
      methods: [request.method.toLowerCase() as "get"], // a source's POST is a query too
      backoffLimit: 10_000,
      maxRetryAfter: maxWaitMs,
      jitter: (delayMs) => delayMs * (0.5 + Math.random() / 2),
      statusCodes: transientStatuses,
      // undefined defers to statusCodes and Retry-After; any other error is a network error.
      shouldRetry: ({ error }) => (stop.aborted ? false : error instanceof HTTPError ? undefined : true),
    },
    hooks: {
      beforeRetry: [
        ({ error, retryCount }) =>
          log.warn("retrying request", { attempt: retryCount + 1, error: withheld(messageOf(error), secrets) }),
      ],
    },
  });
  return response.text();
}

/** A redirect is followed unless a key would be sent there too, since headers go with it to any host. */
const refusalOf = ({ name, secrets }: ConfiguredSource, status: number) =>
  secrets.length > 0 && [301, 302, 303, 307, 308].includes(status)
    ? `${name} redirects the request, with status ${status}, and its key is sent nowhere else; set the address that answers`
    : `${name} rejected the request with status ${status}`;

const transientStatuses = [408, 429, ...Array.from({ length: 100 }, (_, index) => 500 + index)];

/** The message of a body such as {"error": "…"}, which may repeat a key. */
function errorIn(body: unknown, secrets: readonly string[] = []): string {
  const error = (body as { error?: unknown } | null)?.error;
  if (typeof error !== "string") return "";
  return `; its error is "${withheld(error, secrets).slice(0, 200)}"`;
}

/** A text from the source without the keys that were sent to it. */
const withheld = (text: string, secrets: readonly string[]) =>
  secrets.reduce((rest, secret) => rest.replaceAll(secret, "[withheld]"), text);
