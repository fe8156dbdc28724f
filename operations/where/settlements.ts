import type { Reader } from "../../runtime/kafka/reader.ts";
import { readSettlement, type Settlement } from "../dead-letters/settlement.ts";
import type { SeenLetter } from "./records.ts";

/** How much of the topic is read for one letter at most, in bytes. */
const maxBytes = 64 * 1024 ** 2;

/** What was done about letters last, by their `settlementKey`. */
export async function settlementsOf(reader: Reader, topic: string, letters: readonly SeenLetter[]) {
  const settlements = new Map<string, Settlement>();
  for (const partition of letters.length > 0 ? reader.partitions(topic) : []) {
    const bounds = await reader.bounds(topic, partition);
    for (const { settlementKey: text } of letters) {
      const { records } = await reader.search({ topic, partition, ...bounds, text, maxBytes });
      for (const read of records.map(readSettlement)) if (read?.key === text) settlements.set(text, read.settlement);
    }
  }
  return settlements;
}
