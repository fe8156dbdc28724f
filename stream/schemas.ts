import { type Reader, type ReaderOf, schemaIdOf } from "../contract/wire.ts";
import { FinalError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { Registry } from "../runtime/registry.ts";
import { retry } from "../runtime/retry.ts";
import type { Held, Message } from "./change.ts";

/** A schema as this version sees it: how to read its records, and the contract's fields that would be lost. */
export interface Schema<T> {
  read: Reader<T>;
  newerFields: readonly string[];
}

/** The schema of each id in some records; null for ids unknown to the registry. */
export type Schemas<T> = ReadonlyMap<number, Schema<T> | null>;

/** The schemas of the ids in some records; the registry is asked for new ones. */
export type SchemasFor<T> = (messages: readonly Message[], stop: AbortSignal) => Promise<Schemas<T>>;

interface Dependencies<T> {
  registry: Registry;
  readerOf: ReaderOf<T>;
  /** The fields of a schema that belong only to a newer contract. */
  newerFields: (writerSchema: string) => readonly string[];
  log: Log;
}

/**
 * Schemas never change, so each is looked up once. Ids that the registry does not know are not cached: they may be
 * registered later. While the registry is unavailable this waits indefinitely, since the records may well be valid.
 */
export function openSchemas<T>({ registry, readerOf, newerFields, log }: Dependencies<T>): SchemasFor<T> {
  const known = new Map<number, Schema<T>>();

  const ask = async (id: number, stop: AbortSignal) => {
    const registered = await retry(() => registry.schemaOf(id), {
      what: `ask the Schema Registry for schema ${id}`,
      while: (error) => !(error instanceof FinalError),
      stop,
      log,
    });
    if (registered === null) return null;
    const { schema, references } = registered;
    const found = known.get(id); // another partition may have looked it up by now
    if (found) return found;
    log.info("schema known", { id });
    const answer = { read: readerOf(schema, references), newerFields: newerFields(schema) };
    known.set(id, answer);
    return answer;
  };

  return async (messages, stop) => {
    const schemas = new Map<number, Schema<T> | null>();
    for (const { value } of messages) {
      const id = schemaIdOf(value);
      if (typeof id === "number" && !schemas.has(id)) schemas.set(id, known.get(id) ?? null);
    }
    for (const [id, schema] of schemas) if (schema === null) schemas.set(id, await ask(id, stop));
    return schemas;
  };
}

/** The readers of schemas, for `decode`. */
export const readersOf = <T>(schemas: Schemas<T>): Map<number, Reader<T> | null> =>
  new Map([...schemas].map(([id, schema]) => [id, schema?.read ?? null]));

/** Why a record is of a newer contract, if it is. */
export function heldBy<T>({ offset, value }: Message, schemas: Schemas<T>): Held | undefined {
  const id = schemaIdOf(value);
  const newer = (typeof id === "number" && schemas.get(id)?.newerFields) || [];
  if (newer.length === 0) return undefined;
  const why = `the record at offset ${offset} has schema ${id} of a newer contract, whose fields this version does not know: ${newer.join(", ")}; update the consumer`;
  return { offset, why };
}
