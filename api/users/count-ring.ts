import { errors, types } from "cassandra-driver";
import { halve, splitRing, type TokenRange } from "../../runtime/token-ranges.ts";

const ranges = 32;
const concurrency = 4;

/** Counts the rows of all token ranges. A range too large to count before the server's timeout is counted in halves. */
export async function countRing(countRange: (range: TokenRange) => Promise<number>): Promise<number> {
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
    const halves = isServerTimeout(error) ? halve(range) : [];
    if (halves.length === 0) throw error;
    let rows = 0;
    for (const half of halves) rows += await countInParts(half, countRange);
    return rows;
  }
}

function isServerTimeout(error: unknown) {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof errors.ResponseError && cause.code === types.responseErrorCodes.readTimeout;
}
