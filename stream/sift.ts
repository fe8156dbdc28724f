import { decode, isRejected, type ReaderOf } from "../contract/wire.ts";
import type { Log } from "../runtime/log.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Change, Message, Note, Route, Sifted } from "./change.ts";
import { heldBy, openSchemas, readersOf, type Schemas } from "./schemas.ts";

/** What the Avro records of a topic are. */
interface Records<T extends object> {
  readerOf: ReaderOf<T>;
  /** The fields of a schema that belong only to a newer contract. */
  newerFields: (writerSchema: string) => readonly string[];
  /** The change that a record makes. */
  changeOf: (record: T) => Change;
}

export interface RouteDependencies {
  registry: Registry;
  maxAheadMs: number;
  note: Note;
  log: Log;
}

/** The route of a topic of Avro records. */
export function openRoute<T extends object>(
  { readerOf, newerFields, changeOf }: Records<T>,
  { registry, maxAheadMs, note, log }: RouteDependencies,
): Route {
  const schemasFor = openSchemas({ registry, readerOf, newerFields, log });
  return async (messages, stop, partition) => {
    const schemas = await schemasFor(messages, stop);
    note(messages, partition);
    return sift(messages, { schemas, changeOf, now: Date.now(), maxAheadMs });
  };
}

export interface SiftOptions<T extends object> extends Pick<Records<T>, "changeOf"> {
  schemas: Schemas<T>;
  /** Milliseconds since 1970. */
  now: number;
  maxAheadMs: number;
}

/**
 * Records -> changes and dead letters. Each record becomes one of the two, in log order, up to the first one of a newer
 * contract. Pure.
 */
export function sift<T extends object>(
  messages: readonly Message[],
  { schemas, changeOf, now, maxAheadMs }: SiftOptions<T>,
): Sifted {
  const readers = readersOf(schemas);
  const newestMicros = (now + maxAheadMs) * 1_000;
  const sifted: Sifted = { writes: [], letters: [] };
  for (const message of messages) {
    const held = heldBy(message, schemas);
    if (held) return { ...sifted, held };
    const record = decode(message.value, readers);
    if (isRejected(record)) {
      sifted.letters.push({ message, reason: record.reason, detail: record.detail });
      continue;
    }
    const change = changeOf(record);
    if (change.writeTimeMicros > newestMicros) {
      const writeTime = new Date(change.writeTimeMicros / 1_000).toISOString();
      const detail = `its write time ${writeTime} is more than ${maxAheadMs} ms ahead`;
      sifted.letters.push({ message, reason: "timestamp_ahead", detail });
    } else {
      sifted.writes.push({ message, change });
    }
  }
  return sifted;
}
