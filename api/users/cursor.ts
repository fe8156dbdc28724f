import { Problem } from "../errors.ts";

/**
 * Cursors carry the driver's page state between two requests. Each is sealed for the query that it came from, since
 * Cassandra cannot tell the page state of one query from that of another, nor from noise.
 */
export function cursors(secret: string) {
  const sealOf = (query: string, state: Buffer) =>
    new Bun.CryptoHasher("sha256", secret).update(query).update("\0").update(state).digest().subarray(0, sealBytes);

  return {
    /** The cursor for a page state in the driver's hexadecimal form; null where that was the last page. */
    seal(query: string, pageState: string | null | undefined): string | null {
      if (!pageState) return null;
      const state = Buffer.from(pageState, "hex");
      return Buffer.concat([sealOf(query, state), state]).toString("base64url");
    },

    /** The page state of a cursor that `seal` made for the same query. @throws Problem 400 for any other */
    open(query: string, cursor: string | undefined): string | undefined {
      if (cursor === undefined) return undefined;
      const bytes = Buffer.from(cursor, "base64url");
      const state = bytes.subarray(sealBytes);
      if (!bytes.subarray(0, sealBytes).equals(sealOf(query, state)) || bytes.toString("base64url") !== cursor)
        throw badCursor();
      return state.toString("hex");
    },
  };
}

const sealBytes = 8;

export const badCursor = () => {
  const detail = "not a cursor of this query; begin again without one";
  return new Problem(400, `cursor: ${detail}`, { errors: [{ field: "cursor", detail }] });
};
