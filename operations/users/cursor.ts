/**
 * A cursor carries the driver's page state from one request to the next, with a checksum over it and its query, because
 * Cassandra cannot tell the page states of different queries apart, or from noise. The checksum needs no key: readers may
 * start at any row anyway, and a cursor works in every process and after restarts.
 */
const sumOf = (query: string, state: Buffer) =>
  new Bun.CryptoHasher("sha256").update(query).update("\0").update(state).digest().subarray(0, sumBytes);

const sumBytes = 8;

/** The cursor for a page state in the driver's hexadecimal form; null after the last page. */
export function cursorOf(query: string, pageState: string | null | undefined): string | null {
  if (!pageState) return null;
  const state = Buffer.from(pageState, "hex");
  return Buffer.concat([sumOf(query, state), state]).toString("base64url");
}

/** The page state in a cursor of the same query. @throws BadCursor for any other cursor */
export function pageStateOf(query: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const bytes = Buffer.from(cursor, "base64url");
  const state = bytes.subarray(sumBytes);
  if (!bytes.subarray(0, sumBytes).equals(sumOf(query, state)) || bytes.toString("base64url") !== cursor)
    throw new BadCursor();
  return state.toString("hex");
}

/** A cursor that no page of this query has given, or that Cassandra does not take any more. */
export class BadCursor extends Error {
  override name = "BadCursor";
  constructor() {
    super("not a cursor of this query; start again without one");
  }
}
