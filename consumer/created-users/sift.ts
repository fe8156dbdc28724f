import { timeField } from "../../contract/entity.ts";
import { writeTimeOf } from "../../contract/tables.ts";
import { decode, isRejected, type Reader } from "../../contract/wire.ts";
import type { Message, Sifted } from "../change.ts";

export interface SiftOptions {
  /** One reader for each schema id of the slice; null for ids unknown to the registry. */
  readers: ReadonlyMap<number, Reader | null>;
  /** Milliseconds since 1970. */
  now: number;
  maxAheadMs: number;
}

/** Records of created users -> upserts and dead letters. Each record becomes one of the two, in log order. Pure. */
export function sift(messages: readonly Message[], { readers, now, maxAheadMs }: SiftOptions): Sifted {
  const newestMicros = (now + maxAheadMs) * 1_000;
  const sifted: Sifted = { writes: [], letters: [] };
  for (const message of messages) {
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
