import { idField } from "../contract/entity.ts";
import { User } from "../contract/user.ts";
import type { Source } from "./source.ts";

/** The id that a record of a source has in the contract; undefined if it has none. */
export function idOfRecord(source: Source, record: unknown): string | undefined {
  const parsed = source.record.safeParse(record);
  return parsed.success ? User.shape[idField].safeParse(source.toUser(parsed.data)[idField]).data : undefined;
}
