import type { Counter } from "prom-client";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Note, Route } from "./change.ts";
import { openCreatedUsersRoute } from "./created-users/route.ts";
import { openUserChangesRoute } from "./user-changes/route.ts";
import { openUserEditsRoute } from "./user-edits/route.ts";

interface Dependencies {
  config: Pick<Config, "kafka" | "consumer" | "cdc">;
  registry: Registry;
  noteOf?: (topic: string) => Note;
  metrics?: { unknownColumns: Pick<Counter<"column">, "inc"> };
  log: Log;
}

const unobserved = { unknownColumns: { inc() {} } };

/** The route of each topic that changes the table. Call `restart` whenever reading resumes at earlier offsets. */
export function openRoutes({ config, registry, noteOf = () => () => {}, metrics = unobserved, log }: Dependencies) {
  const { topic, changeTopic, editTopic } = config.kafka;
  const { maxAheadMs } = config.consumer;
  const { ignoredColumns } = config.cdc;
  const createdUsers = openCreatedUsersRoute({ registry, maxAheadMs, note: noteOf(topic), log });
  const userChanges = openUserChangesRoute({ maxAheadMs, ignoredColumns, note: noteOf(changeTopic), metrics });
  const userEdits = openUserEditsRoute({ registry, maxAheadMs, note: noteOf(editTopic), log });
  const routes = new Map<string, Route>([
    [topic, createdUsers],
    [editTopic, userEdits],
  ]);
  if (config.cdc.apply) routes.set(changeTopic, userChanges.route);
  return { routes, restart: userChanges.restart };
}
