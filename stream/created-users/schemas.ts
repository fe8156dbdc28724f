import { newerFields } from "../../contract/newer-schema.ts";
import { type Reader, readerOf, schemaIdOf } from "../../contract/wire.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import { retry } from "../../runtime/retry.ts";
import type { Message } from "../change.ts";

/** A schema as this version sees it: how to read its records, and the contract's fields that would be lost. */
export interface Schema {
  read: Reader;
  newerFields: readonly string[];
}

/** The schemas of the ids in some records, null for ids unknown to the registry, which is asked for new ones. */
export type SchemasFor = (
  messages: readonly Message[],
  stop: AbortSignal,
) => Promise<ReadonlyMap<number, Schema | null>>;

/**
 * Schemas never change, so each is looked up once. Ids that the registry does not know are not cached: they may be
 * registered later. While the registry is unavailable this waits indefinitely, since the records may well be valid.
 */
export function openSchemas(registry: Registry, log: Log): SchemasFor {
  const known = new Map<number, Schema>();

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
    const schemas = new Map<number, Schema | null>();
    for (const { value } of messages) {
      const id = schemaIdOf(value);
      if (typeof id === "number" && !schemas.has(id)) schemas.set(id, known.get(id) ?? null);
    }
    for (const [id, schema] of schemas) if (schema === null) schemas.set(id, await ask(id, stop));
    return schemas;
  };
}
