import { editReaderOf, newerEditFields } from "../../contract/user-edits.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import type { Note, Route } from "../change.ts";
import { openSchemas } from "../schemas.ts";
import { siftEdits } from "./sift.ts";

interface Dependencies {
  registry: Registry;
  maxAheadMs: number;
  note: Note;
  log: Log;
}

/** The route of the topic of edits. */
export function openUserEditsRoute({ registry, maxAheadMs, note, log }: Dependencies): Route {
  const schemasFor = openSchemas({ registry, readerOf: editReaderOf, newerFields: newerEditFields, log });
  return async (messages, stop, partition) => {
    const schemas = await schemasFor(messages, stop);
    note(messages, partition);
    return siftEdits(messages, { schemas, now: Date.now(), maxAheadMs });
  };
}
