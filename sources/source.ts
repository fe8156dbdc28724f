import { z } from "zod";
import type { timeField } from "../contract/entity.ts";
import type { GivenUser } from "../contract/given-user.ts";
import type { Config } from "../runtime/config.ts";

/** What `fetch` requests from a source. Equal requests return equal users, if the source supports that. */
export interface SourceRequest {
  users: number;
  /** The page, from 1. Streams request consecutive pages. */
  page: number;
  seed: string;
  /** Codes the source supports, in lower case; empty for all. */
  nationalities: readonly string[];
}

/**
 * A web API that users are fetched from. To add one, write a file like randomuser.ts and run `bun run contract`, which
 * lists it in generated.ts and writes its settings to config.yaml, the README and docker-compose.yml.
 *
 * `record` is an allow-list that describes the source's records: `fetch` drops every other field (passwords, hashes,
 * national ids, bank accounts). `toUser` maps a record to the contract.
 */
export interface Source<Settings = unknown, Rec = unknown> {
  /** The value of `source` in config.yaml, and the key of the source's settings in it. */
  name: string;
  /** For `fetch --help`. */
  description: string;
  /** Settings, by `setting` of runtime/setting.ts and its kin; keys and tokens by `secret`. */
  settings: z.ZodObject & z.ZodType<Settings>;
  /** The API version that `record` describes, or null if the API has no versions. */
  version: string | null;
  /** The maximum number of users per request. */
  maxUsers: number;
  /** The supported codes, in lower case, and how to read a record's code; null if the source has no nationalities. */
  nationalities: { codes: readonly string[]; of(record: unknown): unknown } | null;
  /** The request for these users. A key goes into a header, since no header is ever logged. */
  request(asked: SourceRequest, settings: Settings, ports: Config["ports"]): Request;
  /** The response body -> its records, not validated yet. */
  response: z.ZodType<unknown[]>;
  /** The path of the records in the response, for messages such as `results[3].email`. */
  recordsAt: string;
  record: z.ZodType<Rec>;
  /** Nullable fields that the source does not have may be left out. */
  toUser(record: Rec): Omit<GivenUser, typeof timeField>;
}

/** A line of raw.jsonl: a record and how to interpret it. `at` is present if `fetch` was given --at. */
export const RawLine = z.strictObject({
  source: z.string(),
  version: z.string().nullable(),
  at: z.iso.datetime().optional(),
  record: z.unknown(),
});
export type RawLine = z.infer<typeof RawLine>;

/** Type-checks a source's definition and returns it as the common type. */
export const defineSource = <Settings, Rec>(source: Source<Settings, Rec>): Source => source as Source;
