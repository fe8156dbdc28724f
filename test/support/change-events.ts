import type { FieldKind } from "../../contract/fields.ts";
import { validUsers } from "../../contract/samples.ts";
import { fields, type User } from "../../contract/user.ts";
import type { Message } from "../../stream/change.ts";

export const rachel = validUsers[0] as User;
export const committedAt = Date.parse("2026-11-21T14:28:49.912Z") * 1_000 + 294;
export const now = committedAt / 1_000 + 100;

function asLogged(kind: FieldKind, value: User[keyof User]): unknown {
  if (kind === "timestamp") return value?.toString().replace("Z", "000Z") ?? null;
  return kind === "date" && value !== null ? Date.parse(String(value)) / 86_400_000 : value;
}

/** A row as written by Debezium: times with microseconds, dates in days since 1970. */
export const row = (user: User, more: object = {}) => ({
  ...user,
  ...Object.fromEntries(fields.map(({ name, kind }) => [name, asLogged(kind, user[name])])),
  ...more,
});

export interface Sample {
  op: string;
  before?: object | null;
  after?: object | null;
  micros?: number;
  order?: number;
  lsn?: number | null;
}

export const envelope = ({
  op,
  before = null,
  after = null,
  micros = committedAt,
  order = 1,
  lsn = 45_319_752,
}: Sample) => ({
  before,
  after,
  source: {
    version: "3.7.0.Final",
    connector: "postgresql",
    name: "postgresDebesium",
    ts_ms: Math.floor(micros / 1_000),
    snapshot: "false",
    db: "users",
    sequence: '["45316472","45319752"]',
    ts_us: micros,
    schema: "public",
    table: "created_users",
    txId: 5152,
    lsn,
    xmin: null,
  },
  transaction: { id: "5152:45319752", total_order: order, data_collection_order: order },
  op,
  ts_ms: 1_795_271_330_222,
});

let offset = 0;
export const message = (value: unknown, key: unknown = null): Message => ({
  key: key === null ? null : Buffer.from(JSON.stringify(key)),
  value: value === null ? null : Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
  offset: String(offset++),
  timestamp: String(Math.floor(now)),
});
