import { timeField } from "../../contract/entity.ts";
import { writeTimeOf } from "../../contract/tables.ts";
import type { User } from "../../contract/user.ts";
import { decode, isRejected } from "../../contract/wire.ts";
import type { Message, Sifted } from "../change.ts";
import { heldBy, readersOf, type Schemas } from "../schemas.ts";

export interface SiftOptions {
  schemas: Schemas<User>;
  /** Milliseconds since 1970. */
  now: number;
  maxAheadMs: number;
}

/**
 * Records of created users -> upserts and dead letters. Each record becomes one of the two, in log order, up to the
 * first one of a newer contract. Pure.
 */
export function sift(messages: readonly Message[], { schemas, now, maxAheadMs }: SiftOptions): Sifted {
  const readers = readersOf(schemas);
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
