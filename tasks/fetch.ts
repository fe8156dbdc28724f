import { setTimeout as wait } from "node:timers/promises";
import ms from "ms";
import { z } from "zod";
import { FinalError, StoppedError } from "../runtime/lifecycle.ts";
import { sources } from "../sources/catalogue.ts";
import { type Answer, askSource } from "./ask-source.ts";
import { atOption, type Task } from "./task.ts";

const usage = `fetch: records of the source, as it sends them, without its secrets

  fetch [--users 60] [--nationalities us,gb] [--seed RUN_ID] [--at ISO] [--output raw.jsonl] [--rejects FILE]
  fetch --every 1s [--for 60s] [--users 1] …

  --users          how many users, 1 to 5000; 60, or 1 a time with --every
  --nationalities  two-letter codes, separated by commas; left out, all
  --seed           the same seed gets the same users; left out, a new one
  --at             the time that these records stand for; left out, format decides
  --every, --for   ask again and again: how often, and for how long; without --for until stopped
  --output         the records; left out, stdout
  --rejects        records that the source's schema does not know, with the reason; left out, beside --output, or the log
`;

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
  .refine((flags) => flags.for === undefined || flags.every !== undefined, { path: ["for"], error: "needs --every" });

/** The source -> raw.jsonl. It asks once for all users, so that the same seed gets the same bytes. */
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

  async work({ config, log, stop, read, write, reject }, flags) {
    const source = sources.get(config.source);
    if (!source)
      throw new FinalError(
        `source ${config.source} is none of: ${[...sources.keys()].join(", ")}; set it in config.yaml`,
      );
    const { nationalities, at, every } = flags;
    const users = flags.users ?? (every === undefined ? 60 : 1);
    const seed = flags.seed ?? crypto.randomUUID();
    if (users > source.maxUsers)
      throw new FinalError(`--users ${users}: ${source.name} gives at most ${source.maxUsers} users`);
    const known = source.nationalities?.codes ?? [];
    const unknown = nationalities.filter((code) => !known.includes(code));
    if (unknown.length > 0)
      throw new FinalError(
        `--nationalities: ${source.name} does not know ${unknown.join(", ")}, only ${known.join(", ") || "all at once"}`,
      );

    let asked = 0;
    const take = async (page: number): Promise<Answer> => {
      const answer = await askSource(source, { users, page, seed, nationalities }, config, { log, stop });
      asked += users;
      const { records, rejects } = answer;
      const given = records.length + rejects.length;
      read(given);
      await reject(rejects);
      await write(
        records.map((record) => ({ source: source.name, version: source.version, ...(at && { at }), record })),
      );
      if (given < users) log.warn("the source has fewer users than asked for", { asked: users, given });
      return answer;
    };

    if (every === undefined) await take(1);
    else
      try {
        for await (const page of ticks(every, flags.for, stop)) {
          const { records, rejects } = await take(page);
          if (records.length + rejects.length === 0) break;
        }
      } catch (error) {
        // A stream ends well when it is told to, also in the middle of a request.
        if (!(error instanceof StoppedError)) throw error;
      }
    return { source: source.name, seed, asked };
  },
};

/** 1, 2, 3 … at a steady beat, the first at once, until the time is over or `stop`. */
async function* ticks(everyMs: number, forMs = Number.POSITIVE_INFINITY, stop: AbortSignal) {
  const start = performance.now();
  for (let page = 1; (page - 1) * everyMs < forMs && !stop.aborted; page++) {
    const waitMs = start + (page - 1) * everyMs - performance.now();
    if (waitMs > 0) await wait(waitMs, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return;
    yield page;
  }
}
