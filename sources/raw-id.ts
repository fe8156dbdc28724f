import { idField } from "../contract/entity.ts";
import { User } from "../contract/user.ts";
import { sources } from "./catalogue.ts";
import { RawLine, type Source } from "./source.ts";

/** The id that a record of a source has in the contract; undefined if it has none. */
export function idOfRecord(source: Source, record: unknown): string | undefined {
  const parsed = source.record.safeParse(record);
  return parsed.success ? User.shape[idField].safeParse(source.toUser(parsed.data)[idField]).data : undefined;
}

/** The same for a line of raw.jsonl, or for the original in a reject of it. */
export function idOfRaw(line: unknown): string | undefined {
  const raw = RawLine.safeParse(line);
  const source = raw.success ? sources.get(raw.data.source) : undefined;
  return source && idOfRecord(source, raw.data?.record);
}
