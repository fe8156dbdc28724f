import { types } from "cassandra-driver";
import { idField, table } from "../../contract/entity.ts";
import { halve, splitRing, type TokenRange } from "../../runtime/token-ranges.ts";
import { longOf, type Query, responseErrorOf } from "./query.ts";

const ranges = 32;
const concurrency = 4;

/** A count reads many rows, so it may take longer than other queries. */
const timeoutMs = 12_000;

/** Enough for a billion users. A range that still cannot be read then has another fault. */
const maxHalvings = 8;

/**
 * How many users Cassandra has: every row that exists from the call to its end. Reads the whole table, one token range
 * after another. One that has too many rows to be counted within the server's timeout is counted in halves, and so are all
 * others of its size.
 */
export async function countUsers(query: Query, keyspace: string): Promise<number> {
  const text = `SELECT count(*) FROM ${keyspace}.${table} WHERE token(${idField}) > ? AND token(${idField}) <= ?`;
  const countRange = async ({ after, upTo }: TokenRange) =>
    Number((await query(text, [longOf(after), longOf(upTo)], { readTimeout: timeoutMs })).first().count);
  const pending = splitRing(ranges).map((range) => ({ range, halvings: 0 }));
  let rows = 0;
  /** How often a range has to be halved until it can be counted, as far as is known. */
  let halvingsNeeded = 0;
  const worker = async () => {
    for (let part = pending.pop(); part; part = pending.pop()) {
      const { range, halvings } = part;
      const split = () => pending.push(...halve(range).map((half) => ({ range: half, halvings: halvings + 1 })));
      if (halvings < halvingsNeeded) {
        split();
        continue;
      }
      try {
        const counted = await countRange(range); // `rows += await …` would lose concurrent additions
        rows += counted;
      } catch (error) {
        if (!isTooLarge(error) || halvings === maxHalvings) throw error;
        halvingsNeeded = Math.max(halvingsNeeded, halvings + 1);
        split();
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return rows;
}

/** Cassandra took too long: it gave up, or dropped a part of the work because it was busy. */
function isTooLarge(error: unknown) {
  const { readTimeout, readFailure } = types.responseErrorCodes;
  const code = responseErrorOf(error)?.code;
  return code === readTimeout || code === readFailure;
}
