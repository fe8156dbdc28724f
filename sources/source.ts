import { z } from "zod";
import type { User } from "../contract/user.ts";

/** What `fetch` asks a source for. The same ask gets the same users, where the source can do that. */
export interface Ask {
  users: number;
  /** Where in the source's order to go on, from 1: streams ask for one page after the other. */
  page: number;
  seed: string;
  /** Codes that the source knows, in lower case; none means all. */
  nationalities: readonly string[];
}

/**
 * A place where users come from. To add one: write a file like randomuser.ts and list it in catalogue.ts.
 *
 * `record` is an allow-list: what its objects do not name (passwords, hashes, national ids, bank accounts) is dropped
 * by `fetch` and goes nowhere. It describes the records as the source sends them; `toUser` maps one to the contract.
 */
export interface Source<Rec = unknown> {
  name: string;
  /** The version of the API that `record` describes, or null where the API has none. */
  version: string | null;
  /** The most users that one request gives. */
  maxUsers: number;
  /** The codes that it can be asked for, in lower case, and the one of a record as it sends it; null where it has none. */
  nationalities: { codes: readonly string[]; of(record: unknown): unknown } | null;
  /** `settings` holds the URLs of config.yaml that belong to sources. */
  url(settings: SourceSettings, ask: Ask): string;
  /** The whole response -> its records, not looked at yet. */
  response: z.ZodType<unknown[]>;
  /** Where the records stand in the response, for messages: "results" gives `results[3].email`. */
  recordsAt: string;
  record: z.ZodType<Rec>;
  toUser(record: Rec): Omit<User, "timestamp">;
}

export interface SourceSettings {
  randomuser: { url: string };
  dummyjson: { url: string };
}

/** A line of raw.jsonl: one record, and what is needed to read it later. `at` is there where `fetch` was told the time. */
export const RawLine = z.strictObject({
  source: z.string(),
  version: z.string().nullable(),
  at: z.iso.datetime().optional(),
  record: z.unknown(),
});
export type RawLine = z.infer<typeof RawLine>;

/** Checks a definition's own types; programs see every source as the same type. */
export const defineSource = <Rec>(source: Source<Rec>): Source => source as Source;
