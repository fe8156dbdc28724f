import { type Reader, readerOf, schemaIdOf } from "../../contract/wire.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import { retry } from "../../runtime/retry.ts";
import type { Message } from "../change.ts";

/** Returns the readers of the schema ids in some records; unknown ids are looked up in the registry. */
export type ReadersFor = (
  messages: readonly Message[],
  stop: AbortSignal,
) => Promise<ReadonlyMap<number, Reader | null>>;

/**
 * Schemas never change, so each is looked up once. Ids that the registry does not know are not cached: they may be
 * registered later. While the registry is unavailable this waits indefinitely, since the records may well be valid.
 */
export function openSchemas(registry: Registry, log: Log): ReadersFor {
  const known = new Map<number, Reader>();

  const ask = async (id: number, stop: AbortSignal) => {
    const registered = await retry(() => registry.schemaOf(id), {
      what: `ask the Schema Registry for schema ${id}`,
      while: (error) => !(error instanceof FinalError),
      stop,
      log,
    });
    if (registered === null) return null;
    const { schema, references } = registered;
    const reader = known.get(id) ?? readerOf(schema, references); // another partition may have looked it up by now
    if (!known.has(id)) log.info("schema known", { id });
    known.set(id, reader);
    return reader;
  };

  return async (messages, stop) => {
    const readers = new Map<number, Reader | null>();
    for (const { value } of messages) {
      const id = schemaIdOf(value);
      if (typeof id === "number" && !readers.has(id)) readers.set(id, known.get(id) ?? null);
    }
    for (const [id, reader] of readers) if (reader === null) readers.set(id, await ask(id, stop));
    return readers;
  };
}
