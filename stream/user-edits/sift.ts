import { idField } from "../../contract/entity.ts";
import type { ReadEdit } from "../../contract/user-edits.ts";
import { decode, isRejected } from "../../contract/wire.ts";
import type { Change, Message, Sifted } from "../change.ts";
import { heldBy, readersOf, type Schemas } from "../schemas.ts";

export interface SiftEditsOptions {
  schemas: Schemas<ReadEdit>;
  /** Milliseconds since 1970. */
  now: number;
  maxAheadMs: number;
}

/**
 * Edits -> upserts, deletes and dead letters. Each record becomes one of these, in log order, up to the first one of a
 * newer contract. Pure.
 */
export function siftEdits(messages: readonly Message[], { schemas, now, maxAheadMs }: SiftEditsOptions): Sifted {
  const readers = readersOf(schemas);
  const newestMicros = (now + maxAheadMs) * 1_000;
  const sifted: Sifted = { writes: [], letters: [] };
  for (const message of messages) {
    const held = heldBy(message, schemas);
    if (held) return { ...sifted, held };
    const edit = decode(message.value, readers);
    if (isRejected(edit)) {
      sifted.letters.push({ message, reason: edit.reason, detail: edit.detail });
    } else if (edit.write_time > newestMicros) {
      const detail = `write_time ${edit.write_time} is more than ${maxAheadMs} ms ahead`;
      sifted.letters.push({ message, reason: "timestamp_ahead", detail });
    } else {
      sifted.writes.push({ message, change: changeOf(edit) });
    }
  }
  return sifted;
}

/** The change that the API made, at the same write time: applying it again changes nothing. */
function changeOf({ user, kept, write_time: writeTimeMicros, ...edit }: ReadEdit): Change {
  if (user === null) return { kind: "delete", id: edit[idField], writeTimeMicros };
  return { kind: "upsert", user, ...(kept.length > 0 && { kept }), writeTimeMicros };
}
