import { types } from "cassandra-driver";
import { idField, table } from "../../contract/entity.ts";
import { halve, splitRing, type TokenRange } from "../../runtime/token-ranges.ts";
import { longOf, type Query, responseErrorOf } from "./query.ts";

const ranges = 32;
const concurrency = 4;

/** A count reads many rows, so it may take longer than other queries. */
const timeoutMs = 12_000;

/**
 * How many users Cassandra has: every row that exists from the call to its end. Reads the whole table, one token range
 * after another; one too large to count before the server's timeout is counted in halves.
 */
export async function countUsers(query: Query, keyspace: string): Promise<number> {
  const text = `SELECT count(*) FROM ${keyspace}.${table} WHERE token(${idField}) > ? AND token(${idField}) <= ?`;
  const countRange = async ({ after, upTo }: TokenRange) =>
    Number((await query(text, [longOf(after), longOf(upTo)], { readTimeout: timeoutMs })).first().count);
  const pending = splitRing(ranges);
  let rows = 0;
  const worker = async () => {
    for (let range = pending.pop(); range; range = pending.pop()) {
      const counted = await countInParts(range, countRange); // `rows += await …` would lose concurrent additions
      rows += counted;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return rows;
}

async function countInParts(range: TokenRange, countRange: (range: TokenRange) => Promise<number>): Promise<number> {
  try {
    return await countRange(range);
  } catch (error) {
    const isTooLarge = responseErrorOf(error)?.code === types.responseErrorCodes.readTimeout;
    const halves = isTooLarge ? halve(range) : [];
    if (halves.length === 0) throw error;
    let rows = 0;
    for (const half of halves) rows += await countInParts(half, countRange);
    return rows;
  }
}
