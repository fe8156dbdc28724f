import { z } from "zod";

/**
 * The hash under which a forgotten record is noted: SHA-256 of the id's text in lower case, in hexadecimal digits. It tells
 * whether an id is the forgotten one, but not which id that is, unless the ids can be guessed.
 */
export const hashOfId = (id: string): string => new Bun.CryptoHasher("sha256").update(id.toLowerCase()).digest("hex");

/** The value (JSON) of a record of the topic of forgotten records whose key is such a hash. */
export const ForgottenNote = z.object({
  /** When it was asked for. */
  at: z.iso.datetime(),
  /** The operator's account, or the name of the API's token. */
  by: z.string(),
});
export type ForgottenNote = z.infer<typeof ForgottenNote>;

/** A key that is such a hash. */
export const hashPattern = /^[0-9a-f]{64}$/;

/** UUIDs in text, also in binary data that was read as Latin-1. */
const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** The ids that some bytes mention, in any case. */
export const idsIn = (bytes: Buffer): readonly string[] => bytes.toString("latin1").match(uuids) ?? [];

/** The record that notes a forgotten id. */
export const noteRecord = (id: string, note: ForgottenNote) => ({ key: hashOfId(id), value: JSON.stringify(note) });
