import { expect, test } from "bun:test";
import { changeable, validUsers } from "../../contract/samples.ts";
import { avroSchema, encode } from "../../contract/wire.ts";
import { decodeBytes } from "./decode.ts";

const registry = {
  schemaOf: async (id: number) => (id === 1 ? { schema: JSON.stringify(avroSchema), references: [] } : null),
};
const decode = (value: Buffer | string | null) =>
  decodeBytes(typeof value === "string" ? Buffer.from(value) : value, registry);
const [rachel] = validUsers;

test("Avro, JSON and text are decoded, and nothing is nothing", async () => {
  expect(await decode(encode(rachel!, 1))).toEqual({ format: "Avro", schemaId: 1, value: rachel });
  expect(await decode('{"op": "d"}')).toEqual({ format: "JSON", value: { op: "d" } });
  expect(await decode("{no JSON")).toEqual({ format: "text", value: "{no JSON" });
  expect(await decode("Зорян 🦉")).toEqual({ format: "text", value: "Зорян 🦉" });
  expect(await decode(null)).toEqual({ format: "none" });
});

test("Avro shows what its writer wrote, though it is no user", async () => {
  const given = { ...rachel!, [changeable.text]: "" };
  expect(await decode(encode(given, 1))).toMatchObject({ format: "Avro", value: given });
});

test("anything else is a dump of its first bytes, with why", async () => {
  expect(await decode(Buffer.from([0, 0, 0, 0, 2, 0x41]))).toEqual({
    format: "bytes",
    length: 6,
    dump: `0000  00 00 00 00 02 41${" ".repeat(32)}.....A`,
    why: "the registry has no schema with id 2",
  });
  expect(await decode(encode(rachel!, 1).subarray(0, 60))).toMatchObject({ format: "bytes", length: 60 });
  const large = await decode(Buffer.alloc(100_000));
  expect(large).toMatchObject({ format: "bytes", length: 100_000, why: "the value has 100000 bytes, more than 65536" });
  expect("dump" in large && large.dump.split("\n").length).toBe(32);
  expect(await decode("\u001b[2J")).toMatchObject({ format: "bytes" });
});

test("a registry that does not answer is named in the dump", async () => {
  const schemaOf = () => Promise.reject(new Error("Schema Registry at http://localhost:8081/ answers 500"));
  const shown = await decodeBytes(encode(rachel!, 1), { schemaOf });
  expect(shown).toMatchObject({ format: "bytes", why: expect.stringContaining("answers 500") });
});
