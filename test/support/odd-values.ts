import type { Reason } from "../../contract/topics.ts";

type Outcome = "stored" | Reason;

/** Writers' schemas for the fields of test/field-types.test.ts: where they differ from the contract's. */
export const oddSchemas = {
  contract: {},
  promoted: {
    followers: "int",
    shoe_size: "long",
    height: "float",
    tags: { type: "array", items: ["null", "string"] },
  },
  bytes: { tags: { type: "array", items: "bytes" } },
  plain: { birthday: "int" }, // has the same bytes as the contract's date
  foreign: { height: "long", birthday: "long", tags: "string" },
} as const;

/** Values that no task writes: the writer's schema, the field, the value's bytes, and what becomes of the record. */
export const oddRecords: readonly [schema: keyof typeof oddSchemas, field: string, bytes: string, outcome: Outcome][] =
  [
    ["promoted", "followers", "04", "stored"],
    ["promoted", "shoe_size", "04", "stored"],
    ["promoted", "height", "0000003f", "stored"],
    ["promoted", "tags", "0202026100", "stored"],
    ["promoted", "tags", "020000", "undecodable"], // null
    ["bytes", "tags", "02026100", "stored"],
    ["plain", "birthday", "04", "stored"],
    ["foreign", "birthday", "04", "undecodable"],
    ["foreign", "height", "04", "undecodable"],
    ["foreign", "tags", "0261", "undecodable"],
    ["contract", "followers", "8080808080808020", "undecodable"], // 2^53
    ["contract", "followers", "fdffffffffffff1f", "stored"], // -2^53 + 1
    ["contract", "followers", "feffffffffffffffff01", "undecodable"],
    ["contract", "shoe_size", "8080808010", "invalid_user"], // 2^31
    ["contract", "shoe_size", "808080808040", "invalid_user"], // 2^40
    ["contract", "height", "000000000000f87f", "invalid_user"], // NaN
    ["contract", "height", "000000000000f07f", "invalid_user"], // infinity
    ["contract", "active", "02", "stored"], // false, as in Java
    ["contract", "birthday", "c282e602", "invalid_user"], // 10000-01-01
    ["contract", "birthday", "feffffff0f", "undecodable"],
    ["contract", "tags", "0c02610261026102610261026100", "invalid_user"], // six items
    ["contract", "tags", `0252${"61".repeat(41)}00`, "invalid_user"], // of 41 characters
    ["contract", "tags", "02020000", "invalid_user"], // U+0000
    ["contract", "tags", "80808080808010", "undecodable"], // a huge count
    ["contract", "pets", "12", "stored"], // 9
    ["contract", "pets", "14", "invalid_user"], // 10
    ["contract", "pets", "00", "invalid_user"],
    ["contract", "aliases", "00", "invalid_user"], // no items
    ["contract", "aliases", "02022000", "invalid_user"], // blank
  ];

/** Changes of one row in PostgreSQL, in this order, and what becomes of each. */
export const oddChanges: readonly [set: string, outcome: Outcome][] = [
  ["tags = ARRAY['x', '']", "stored"],
  ["birthday = '0001-01-01 BC'", "stored"], // the year 0000, which ISO 8601 has
  ["followers = 9007199254740991, height = '-0'", "stored"],
  ["height = 'NaN'", "invalid_user"],
  ["height = '-Infinity'", "invalid_user"],
  ["height = 2, followers = 9007199254740993", "invalid_user"],
  ["followers = 1, birthday = 'infinity'", "invalid_user"],
  ["birthday = '0044-03-15 BC'", "invalid_user"],
  ["birthday = '10000-01-01'", "invalid_user"],
  ["birthday = NULL, tags = ARRAY['a', NULL]", "invalid_user"],
  ["tags = ARRAY[repeat('x', 41)]", "invalid_user"],
  ["tags = '{1,2,3,4,5,6}'", "invalid_user"],
  ["tags = '{}', size = 'xl'", "invalid_user"],
  ["size = NULL", "stored"],
];

/** The reasons of the dead letters among these. */
export const reasonsOf = (odd: readonly (readonly [...unknown[], Outcome])[]): Reason[] =>
  odd.map((each) => each.at(-1) as Outcome).filter((outcome) => outcome !== "stored");
