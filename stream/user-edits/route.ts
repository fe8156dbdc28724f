import { idField } from "../../contract/entity.ts";
import { editReaderOf, newerEditFields, type ReadEdit } from "../../contract/user-edits.ts";
import type { Change } from "../change.ts";
import { openRoute, type RouteDependencies } from "../sift.ts";

/** The route of the topic of edits. */
export const openUserEditsRoute = (dependencies: RouteDependencies) =>
  openRoute({ readerOf: editReaderOf, newerFields: newerEditFields, changeOf }, dependencies);

/** The change that the API made, at the same write time: applying it again changes nothing. */
export function changeOf({ user, kept, write_time: writeTimeMicros, ...edit }: ReadEdit): Change {
  if (user === null) return { kind: "delete", id: edit[idField], writeTimeMicros };
  return { kind: "upsert", user, ...(kept.length > 0 && { kept }), writeTimeMicros };
}
