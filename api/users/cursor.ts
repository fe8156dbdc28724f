import { Problem } from "../errors.ts";

/**
 * Cursors carry the driver's page state between two requests, under a checksum with the query that it came from, since
 * Cassandra cannot tell the page state of one query from that of another, nor from noise. They need no key: whoever may
 * read may begin anywhere, and any process, also after a restart, takes the cursors of another.
 */
const sumOf = (query: string, state: Buffer) =>
  new Bun.CryptoHasher("sha256").update(query).update("\0").update(state).digest().subarray(0, sumBytes);

const sumBytes = 8;

/** The cursor for a page state in the driver's hexadecimal form; null where that was the last page. */
export function cursorOf(query: string, pageState: string | null | undefined): string | null {
  if (!pageState) return null;
  const state = Buffer.from(pageState, "hex");
  return Buffer.concat([sumOf(query, state), state]).toString("base64url");
}

/** The page state of a cursor that was made for the same query. @throws Problem 400 for any other */
export function pageStateOf(query: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const bytes = Buffer.from(cursor, "base64url");
  const state = bytes.subarray(sumBytes);
  if (!bytes.subarray(0, sumBytes).equals(sumOf(query, state)) || bytes.toString("base64url") !== cursor)
    throw badCursor();
  return state.toString("hex");
}

export const badCursor = () => {
  const detail = "not a cursor of this query; begin again without one";
  return new Problem(400, `cursor: ${detail}`, { errors: [{ field: "cursor", detail }] });
};
