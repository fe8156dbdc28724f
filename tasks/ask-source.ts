import ky, { HTTPError } from "ky";
import { firstFault } from "../contract/user.ts";
import { shownAddress } from "../runtime/addresses.ts";
import type { Config } from "../runtime/config.ts";
import { FinalError, messageOf, TransientError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { redact } from "../sources/redact.ts";
import type { Ask, Source } from "../sources/source.ts";
import type { Reject } from "./rejects.ts";

/** What the source gave: records that fit, cut down to its allow-list, and those that do not. */
export interface Answer {
  records: unknown[];
  rejects: Reject[];
}

/** The longest wait between two attempts, whatever Retry-After asks for, in milliseconds. */
const maxWaitMs = 60_000;

/**
 * One request, tried again on 429, 5xx, timeouts and dropped connections.
 * @throws FinalError where the answer is not what the source's schema says: retrying cannot fix that
 */
export async function askSource(
  source: Source,
  ask: Ask,
  config: Config,
  { log, stop }: { log: Log; stop: AbortSignal },
): Promise<Answer> {
  const url = source.url(config, ask);
  const shown = shownAddress(url);
  let text: string;
  try {
    text = await get(url, config.fetch, log, stop);
  } catch (error) {
    if (error instanceof HTTPError && !transientStatuses.includes(error.response.status))
      throw new FinalError(`${source.name} refuses the request with status ${error.response.status}: ${shown}`);
    stop.throwIfAborted(); // another attempt would have been made
    throw new TransientError(`${source.name} did not answer in ${config.fetch.attempts} attempts: ${shown}`, {
      cause: error,
    });
  }
  return readAnswer(source, text, shown, ask);
}

/** The response's text -> records and rejects. Pure. */
export function readAnswer(
  source: Source,
  text: string,
  url: string,
  { page, nationalities }: Pick<Ask, "page" | "nationalities"> = { page: 1, nationalities: [] },
): Answer {
  const refuse = (fault: string) =>
    new FinalError(`${source.name} sent something else than its API says: ${fault} (${url})`);

  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw refuse("the body is not JSON");
  }
  const response = source.response.safeParse(body);
  if (!response.success) throw refuse(firstFault(response.error) + complaintOf(body));
  if (response.data.length === 0 && page === 1) throw refuse(`${source.recordsAt}: no user`);
  const stranger = strangerAmong(source, response.data, nationalities);
  if (stranger) throw refuse(stranger);

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

/** Where a record is of a nationality that was not asked for; a source may take no notice of what it is asked. */
function strangerAmong({ nationalities: known, recordsAt }: Source, records: unknown[], asked: readonly string[]) {
  if (!known || asked.length === 0) return undefined;
  const codes = records.map((record) => String(known.of(record)));
  const index = codes.findIndex((code) => !asked.includes(code.toLowerCase()));
  return index < 0
    ? undefined
    : `${recordsAt}[${index}].nat: ${codes[index]} was not asked for, only ${asked.join(", ")}`;
}

async function get(url: string, { timeoutMs, attempts }: Config["fetch"], log: Log, stop: AbortSignal) {
  const response = await ky.get(url, {
    timeout: timeoutMs,
    signal: stop,
    headers: { accept: "application/json" },
    // The body is read inside the attempt, so that a connection that drops half-way is tried again too.
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
      // undefined leaves it to the statuses, and to Retry-After; anything else is the network's fault.
      shouldRetry: ({ error }) => (stop.aborted ? false : error instanceof HTTPError ? undefined : true),
    },
    hooks: {
      beforeRetry: [
        ({ error, retryCount }) => log.warn("asking again", { attempt: retryCount + 1, error: messageOf(error) }),
      ],
    },
  });
  return response.text();
}

const transientStatuses = [408, 429, ...Array.from({ length: 100 }, (_, index) => 500 + index)];

/** What a body such as {"error": "…"} says about itself. */
function complaintOf(body: unknown): string {
  const error = (body as { error?: unknown } | null)?.error;
  return typeof error === "string" ? `; it says "${error.slice(0, 200)}"` : "";
}
