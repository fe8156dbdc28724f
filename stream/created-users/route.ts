import { newerFields } from "../../contract/newer-schema.ts";
import { writeTimeOf } from "../../contract/tables.ts";
import type { User } from "../../contract/user.ts";
import { readerOf } from "../../contract/wire.ts";
import type { Change } from "../change.ts";
import { openRoute, type RouteDependencies } from "../sift.ts";

/** The route of the topic of created users. */
export const openCreatedUsersRoute = (dependencies: RouteDependencies) =>
  openRoute({ readerOf, newerFields, changeOf }, dependencies);

/** A record is the whole row, written at the user's own time. */
export const changeOf = (user: User): Change => ({ kind: "upsert", user, writeTimeMicros: writeTimeOf(user) });
