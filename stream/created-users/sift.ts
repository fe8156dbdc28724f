import { timeField } from "../../contract/entity.ts";
import { writeTimeOf } from "../../contract/tables.ts";
import { decode, isRejected, schemaIdOf } from "../../contract/wire.ts";
import type { Held, Message, Sifted } from "../change.ts";
import type { Schema } from "./schemas.ts";

export interface SiftOptions {
  /** The schema of each id in the slice; null for ids unknown to the registry. */
  schemas: ReadonlyMap<number, Schema | null>;
  /** Milliseconds since 1970. */
  now: number;
  maxAheadMs: number;
}

/**
 * Records of created users -> upserts and dead letters. Each record becomes one of the two, in log order, up to the
 * first one of a newer contract. Pure.
 */
export function sift(messages: readonly Message[], { schemas, now, maxAheadMs }: SiftOptions): Sifted {
  const readers = new Map([...schemas].map(([id, schema]) => [id, schema?.read ?? null]));
  const newestMicros = (now + maxAheadMs) * 1_000;
  const sifted: Sifted = { writes: [], letters: [] };
  for (const message of messages) {
    const held = heldBy(message, schemas);
    if (held) return { ...sifted, held };
    const user = decode(message.value, readers);
    if (isRejected(user)) {
      sifted.letters.push({ message, reason: user.reason, detail: user.detail });
      continue;
    }
    const writeTimeMicros = writeTimeOf(user);
    if (writeTimeMicros > newestMicros) {
      const detail = `${timeField} ${user[timeField]} is more than ${maxAheadMs} ms ahead`;
      sifted.letters.push({ message, reason: "timestamp_ahead", detail });
    } else {
      sifted.writes.push({ message, change: { kind: "upsert", user, writeTimeMicros } });
    }
  }
  return sifted;
}

/** Why a record is of a newer contract, if it is. */
function heldBy({ offset, value }: Message, schemas: SiftOptions["schemas"]): Held | undefined {
  const id = schemaIdOf(value);
  const newer = (typeof id === "number" && schemas.get(id)?.newerFields) || [];
  if (newer.length === 0) return undefined;
  const why = `the record at offset ${offset} has schema ${id} of a newer contract, whose fields this version does not know: ${newer.join(", ")}; update the consumer`;
  return { offset, why };
}
