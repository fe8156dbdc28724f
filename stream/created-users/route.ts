import { newerFields } from "../../contract/newer-schema.ts";
import { readerOf } from "../../contract/wire.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import type { Note, Route } from "../change.ts";
import { openSchemas } from "../schemas.ts";
import { sift } from "./sift.ts";

interface Dependencies {
  registry: Registry;
  maxAheadMs: number;
  note: Note;
  log: Log;
}

/** The route of the topic of created users. */
export function openCreatedUsersRoute({ registry, maxAheadMs, note, log }: Dependencies): Route {
  const schemasFor = openSchemas({ registry, readerOf, newerFields, log });
  return async (messages, stop, partition) => {
    const schemas = await schemasFor(messages, stop);
    note(messages, partition);
    return sift(messages, { schemas, now: Date.now(), maxAheadMs });
  };
}
