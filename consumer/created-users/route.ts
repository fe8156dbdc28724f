import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import type { Note, Route } from "../change.ts";
import { openSchemas } from "./schemas.ts";
import { sift } from "./sift.ts";

interface Dependencies {
  registry: Registry;
  maxAheadMs: number;
  note: Note;
  log: Log;
}

/** The route of the topic of created users. */
export function openCreatedUsersRoute({ registry, maxAheadMs, note, log }: Dependencies): Route {
  const readersFor = openSchemas(registry, log);
  return async (messages, stop, partition) => {
    const readers = await readersFor(messages, stop);
    note(messages, partition);
    return sift(messages, { readers, now: Date.now(), maxAheadMs });
  };
}
