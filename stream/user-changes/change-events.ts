import { z } from "zod";
import { idField } from "../../contract/entity.ts";
import { firstFault } from "../../contract/first-fault.ts";
import { quickCheckOf } from "../../contract/quick-check.ts";
import { writeTimeOf } from "../../contract/tables.ts";
import { keyOf, type Rejected, rejected } from "../../contract/topics.ts";
import { fields, User } from "../../contract/user.ts";
import { isRejected } from "../../contract/wire.ts";
import type { Change, Message, Sifted } from "../change.ts";
import { columnValue, isOmitted } from "./column-values.ts";
import type { LogPosition, WriteTimes } from "./write-times.ts";

/** A row's columns, of any name and value. Zod's records would copy each row. */
const Row = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "expected a row's columns",
);
const Key = z.object({ [idField]: z.unknown() });
const Micros = z.number().int();

/**
 * The needed fields of Debezium's envelope (JSON without schemas).
 * Source: debezium.io, "Data change events" of the PostgreSQL connector.
 */
const Envelope = z.object({
  op: z.string(),
  before: Row.nullish(),
  after: Row.nullish(),
  /** `ts_us` is the commit time, or when a snapshot read the row. `ts_ns` is not exact in a JavaScript number. */
  source: z.object({ ts_us: Micros, lsn: z.number().int().nullish() }),
  transaction: z.object({ total_order: z.number().int().positive() }).nullish(),
});
type Envelope = z.infer<typeof Envelope>;

/** A decoded record of the change topic. */
export type ChangeEvent =
  | { kind: "changed"; change: Untimed; at: LogPosition; unknownColumns: string[] }
  | { kind: "read"; change: Change; unknownColumns: string[] }
  | { kind: "nothing" }
  | (Rejected & { unknownColumns?: string[] });

/** A change without its write time, which depends on earlier changes. */
type Untimed = { kind: "upsert"; user: User; kept?: readonly (keyof User)[] } | { kind: "delete"; id: string };

export interface ChangeOptions {
  writeTimes: WriteTimes;
  /** Milliseconds since 1970. */
  now: number;
  maxAheadMs: number;
  /** Columns that are not in the contract and may be lost. */
  ignoredColumns?: readonly string[];
  /** Called for each ignored column with a value, once per record. */
  onIgnoredColumn?: (column: string) => void;
}

/**
 * Change events of one partition, in order -> upserts, deletes and dead letters, up to the first one with a value in a
 * column that is neither in the contract nor ignored: a newer version knows what to do with it.
 */
export function siftChanges(messages: readonly Message[], options: ChangeOptions): Sifted {
  const { writeTimes, now, maxAheadMs, ignoredColumns = [], onIgnoredColumn } = options;
  const newestMicros = (now + maxAheadMs) * 1_000;
  const sifted = { writes: [], letters: [], ignored: 0 } satisfies Sifted as Sifted & { ignored: number };
  for (const message of messages) {
    const event = readChangeEvent(message);
    if (event.kind === "nothing") {
      sifted.ignored += 1;
      continue;
    }
    const { unknownColumns = [] } = event;
    const newer = unknownColumns.filter((column) => !ignoredColumns.includes(column));
    if (newer.length > 0) return { ...sifted, held: { offset: message.offset, why: whyHeld(message, newer) } };
    for (const column of unknownColumns) onIgnoredColumn?.(column);
    if (event.kind === "rejected") {
      sifted.letters.push({ message, reason: event.reason, detail: event.detail });
      continue;
    }
    if (event.kind === "read") {
      sifted.writes.push({ message, change: event.change });
      continue;
    }
    const { commitMicros } = event.at;
    if (commitMicros > newestMicros) {
      const detail = `committed at ${new Date(commitMicros / 1_000).toISOString()}, more than ${maxAheadMs} ms ahead`;
      sifted.letters.push({ message, reason: "timestamp_ahead", detail });
      continue;
    }
    const change = { ...event.change, writeTimeMicros: writeTimes.of(event.at) };
    sifted.writes.push({ message, change, committedMs: commitMicros / 1_000 });
  }
  return sifted;
}

const whyHeld = ({ offset }: Message, columns: string[]) =>
  `the change at offset ${offset} has values in columns that this version does not know: ${columns.join(", ")}; update ` +
  "the consumer, or list columns that are not the contract's in cdc.ignoredColumns, CDC_IGNORED_COLUMNS";

/** One record of the change topic. Pure. */
export function readChangeEvent({ key, value }: Pick<Message, "key" | "value">): ChangeEvent {
  if (value === null) return { kind: "nothing" }; // a tombstone, for compaction; the delete precedes it
  const envelope = parsed(value, Envelope, "the value");
  if ("reason" in envelope) return envelope;
  switch (envelope.op) {
    case "c":
    case "u":
    case "r":
      return upsertOf(envelope);
    case "d":
      return deleteOf(envelope, key);
    case "m":
      return { kind: "nothing" }; // a logical message in PostgreSQL's log, which concerns no row
    case "t":
      return rejected("unsupported_change", "a TRUNCATE names no row: the table lacks its trigger for it");
    default:
      return rejected("unsupported_change", `op is ${JSON.stringify(envelope.op)}`);
  }
}

function upsertOf({ op, before, after, source, transaction }: Envelope): ChangeEvent {
  if (!after) return rejected("undecodable", `after: missing, with op ${op}`);
  const { row, kept } = rowOf(after, before);
  const user = userOf(row, kept);
  const unknownColumns = Object.keys(after).filter((name) => !known.has(name) && after[name] !== null);
  if (isRejected(user)) return { ...user, unknownColumns };
  if (op === "r") {
    // The best known write time of a row read by a snapshot is its own timestamp. One microsecond is added so that it
    // wins over the event it came from. The time of reading would be too late: it would win over later edits.
    const writeTimeMicros = Math.min(writeTimeOf(user) + 1, source.ts_us);
    return { kind: "read", change: { kind: "upsert", user, writeTimeMicros }, unknownColumns };
  }
  const at = positionOf(keyOf(user), source, transaction);
  if ("reason" in at) return at;
  return { kind: "changed", change: { kind: "upsert", user, ...(kept.length > 0 && { kept }) }, at, unknownColumns };
}

function deleteOf({ before, source, transaction }: Envelope, key: Buffer | null): ChangeEvent {
  const named = before || !key ? { [idField]: before?.[idField] } : parsed(key, Key, "the key");
  if ("reason" in named) return named;
  const id = User.shape[idField].safeParse(named[idField]);
  if (!id.success) return rejected("invalid_user", firstFault(id.error, idField));
  const at = positionOf(id.data, source, transaction);
  return "reason" in at ? at : { kind: "changed", change: { kind: "delete", id: id.data }, at, unknownColumns: [] };
}

function positionOf(
  id: string,
  { ts_us, lsn }: Envelope["source"],
  transaction: Envelope["transaction"],
): LogPosition | Rejected {
  if (typeof lsn !== "number") return rejected("undecodable", "source.lsn: missing");
  return { id, commitMicros: ts_us, order: transaction?.total_order ?? 1, lsn };
}

const isSurelyUser = quickCheckOf(User);
const known = new Set<string>(fields.map(({ name }) => name));

/**
 * The contract's columns of a row, in the contract's format, and the columns that keep their value in Cassandra: a
 * nullable column that the table did not have yet, and an omitted large value that is not in `before`, where PostgreSQL
 * logs it if it logs whole rows.
 */
function rowOf(after: Record<string, unknown>, before: Record<string, unknown> | null | undefined) {
  const row: Record<string, unknown> = {};
  const kept: (keyof User)[] = [];
  for (const { name, kind, nullable } of fields) {
    const logged = isOmitted(after[name]) ? (before?.[name] ?? after[name]) : after[name];
    if (isOmitted(logged) || (logged === undefined && nullable)) kept.push(name);
    else if (logged !== undefined) row[name] = columnValue(kind, logged);
  }
  return { row, kept };
}

/** A user; its kept columns are null, which has no meaning. */
function userOf(row: Record<string, unknown>, kept: readonly (keyof User)[]): User | Rejected {
  if (kept.length === 0 && isSurelyUser?.(row)) return row as User;
  const isKept = Object.fromEntries(kept.map((name) => [name, true]));
  const user = (kept.length > 0 ? User.omit(isKept as { picture: true }) : User).safeParse(row);
  if (!user.success) return rejected("invalid_user", firstFault(user.error));
  return { ...user.data, ...Object.fromEntries(kept.map((name) => [name, null])) } as unknown as User;
}

function parsed<T>(bytes: Buffer, schema: z.ZodType<T>, what: string): T | Rejected {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return rejected("undecodable", `${what} is not JSON`);
  }
  const result = schema.safeParse(json);
  return result.success ? result.data : rejected("undecodable", firstFault(result.error));
}
