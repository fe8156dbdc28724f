import { setTimeout as wait } from "node:timers/promises";
import ms from "ms";
import { z } from "zod";
import { readForgottenFile } from "../operations/runs/forgotten-file.ts";
import { FinalError, StoppedError } from "../runtime/lifecycle.ts";
import { sources } from "../sources/catalogue.ts";
import { configuredSource } from "../sources/config.ts";
import { idOfRecord } from "../sources/raw-id.ts";
import type { Source } from "../sources/source.ts";
import type { Forgotten } from "../stream/forgotten/forgotten.ts";
import { type Answer, askSource } from "./ask-source.ts";
import { atOption, type Context, type Task } from "./task.ts";

const usage = `fetch: source -> raw records, without secrets

  fetch [--users 60] [--nationalities us,gb] [--seed RUN_ID] [--at ISO] [--output raw.jsonl] [--rejects FILE]
  fetch --every 1s [--for 60s] [--users 1] …

  --users          number of users per request (default: 60, or 1 with --every)
  --nationalities  two-letter codes, separated by commas (default: all)
  --seed           equal seeds give equal users (default: a new one)
  --at             the records' time (default: set by format)
  --every          send a request at this interval until stopped, such as 1s
  --for            stop after this time; requires --every
  -o, --output     the records (default: stdout)
  --rejects        records that do not match the source's schema, with the reason
                   (default: a file beside --output, or the log)
  -h, --help       show this help and exit

  Forgotten users, by the list in RUNS_DIR, are left out.

  Sources, set by \`source\` in config.yaml or by USERS_SOURCE:
${[...sources.values()].map(({ name, description, maxUsers }) => `  ${name.padEnd(16)} ${description}; up to ${maxUsers} a request\n`).join("")}`;

const duration = z
  .string()
  .transform((text) => ms(text as ms.StringValue) as number | undefined)
  .refine((time) => time !== undefined && time > 0, "must be a duration such as 500ms, 1s or 2m")
  .transform((time) => time as number)
  .optional();

const options = z
  .strictObject({
    users: z.coerce.number("must be a number").int().min(1).optional(),
    nationalities: z
      .string()
      .regex(/^([a-z]{2}(,[a-z]{2})*)?$/i, "must be two-letter codes, separated by commas")
      .transform((list) => (list === "" ? [] : list.toLowerCase().split(",")))
      .default([]),
    seed: z.string().min(1).max(300).optional(),
    at: atOption,
    every: duration,
    for: duration,
  })
  .refine((flags) => flags.for === undefined || flags.every !== undefined, {
    path: ["for"],
    error: "requires --every",
  });

/** The source -> raw.jsonl. One request fetches all users, so that equal seeds give equal bytes, without forgotten users. */
export const fetch: Task<z.infer<typeof options>> = {
  name: "fetch",
  usage,
  flags: {
    users: { type: "string" },
    nationalities: { type: "string" },
    seed: { type: "string" },
    at: { type: "string" },
    every: { type: "string" },
    for: { type: "string" },
  },
  options,

  async work(context, flags) {
    const { config, stop } = context;
    const source = configuredSource(config);
    const { nationalities, at, every } = flags;
    const users = flags.users ?? (every === undefined ? 60 : 1);
    const seed = flags.seed ?? crypto.randomUUID();
    checkSupported(source, users, nationalities);

    const list = await readForgottenFile();
    const counts = { asked: 0, forgotten: 0 };
    const fetchPage = async (page: number): Promise<number> => {
      const answer = await askSource(source, { users, page, seed, nationalities }, config, context);
      counts.asked += users;
      const { received, forgotten } = await passOn(context, source, answer, list, { at, users });
      counts.forgotten += forgotten;
      return received;
    };
    if (every === undefined) await fetchPage(1);
    else await fetchPages(fetchPage, ticks(every, flags.for, stop));
    return { source: source.name, seed, ...counts };
  },
};

/** @throws FinalError if the source does not support the number of users or one of the nationalities */
function checkSupported(source: Source, users: number, nationalities: readonly string[]) {
  if (users > source.maxUsers)
    throw new FinalError(`--users ${users}: ${source.name} returns at most ${source.maxUsers} users`);
  const known = source.nationalities?.codes ?? [];
  const unknown = nationalities.filter((code) => !known.includes(code));
  if (unknown.length === 0) return;
  const supported = known.length > 0 ? `it supports ${known.join(", ")}` : "it has no nationalities";
  throw new FinalError(`--nationalities: ${source.name} does not support ${unknown.join(", ")}; ${supported}`);
}

/** Writes an answer's records and rejects, without forgotten users. @returns the number of all, and of those */
async function passOn(
  { log, read, write, reject }: Context,
  source: Source,
  { records, rejects }: Answer,
  list: Forgotten,
  { at, users }: { at: string | undefined; users: number },
) {
  const received = records.length + rejects.length;
  read(received);
  const keptRejects = rejects.filter(({ original }) => !list.isIn({ key: null, value: bytesOf(original) }));
  await reject(keptRejects);
  const kept = list.isEmpty() ? records : records.filter((record) => !list.has(idOfRecord(source, record) ?? ""));
  await write(kept.map((record) => ({ source: source.name, version: source.version, ...(at && { at }), record })));
  if (received < users) log.warn("the source has fewer users than requested", { requested: users, received });
  return { received, forgotten: received - kept.length - keptRejects.length };
}

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Fetches pages until the source has no more or the stream is stopped, even during a request. */
async function fetchPages(fetchPage: (page: number) => Promise<number>, pages: AsyncIterable<number>) {
  try {
    for await (const page of pages) if ((await fetchPage(page)) === 0) break;
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
  }
}

/** Yields 1, 2, 3 … at a fixed interval, the first immediately, until the time is over or `stop` aborts. */
async function* ticks(everyMs: number, forMs = Number.POSITIVE_INFINITY, stop: AbortSignal) {
  const start = performance.now();
  for (let page = 1; (page - 1) * everyMs < forMs && !stop.aborted; page++) {
    const waitMs = start + (page - 1) * everyMs - performance.now();
    if (waitMs > 0) await wait(waitMs, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return;
    yield page;
  }
}
