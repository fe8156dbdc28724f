import { z } from "zod";
import type { Message } from "../../stream/change.ts";
import type { Letter } from "./letter.ts";

/**
 * What an operator has done about a dead letter: the value (JSON) of a record of the compacted topic; its key is
 * `settlementKey`.
 */
const Settlement = z.object({
  action: z.enum(["replayed", "dismissed"]),
  at: z.iso.datetime(),
  /** Name of the operator's account. */
  by: z.string(),
  /** The letter's position in the dead-letter topic, `partition:offset`. */
  letter: z.string(),
  /** Why it was dismissed. */
  because: z.string().optional(),
  /** Where the record is since it was replayed, and how often it has been replayed, this time included. */
  to: z.object({ topic: z.string(), partition: z.number().int(), offset: z.string() }).optional(),
  attempt: z.number().int().optional(),
  /** The fields that were given another value. */
  set: z.array(z.string()).optional(),
});
export type Settlement = z.infer<typeof Settlement>;

/**
 * Identifies what failed: the position of the original and when it was produced, which distinguishes it from a record
 * that has the same position since the topic was created again. A consumer that was killed may have written a letter
 * twice; both have the same key. A letter that does not say what failed is identified by its own position.
 */
export const settlementKey = ({
  origin,
  producedMs,
  partition,
  offset,
}: Pick<Letter, "origin" | "producedMs" | "partition" | "offset">) =>
  origin ? `${origin.topic}/${origin.partition}/${origin.offset}/${producedMs ?? ""}` : `letter/${partition}/${offset}`;

/** A record of the topic of settlements; null if it is none, or of a later version. */
export function readSettlement({ key, value }: Message): { key: string; settlement: Settlement } | null {
  if (key === null || value === null) return null;
  try {
    return { key: key.toString(), settlement: Settlement.parse(JSON.parse(value.toString())) };
  } catch {
    return null;
  }
}
