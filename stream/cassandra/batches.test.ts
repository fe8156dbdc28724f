import { expect, test } from "bun:test";
import fc from "fast-check";
import { validUsers } from "../../contract/samples.ts";
import type { User } from "../../contract/user.ts";
import { idOf, type Write } from "../change.ts";
import { batchesOf, collapse } from "./batches.ts";

const [rachel] = validUsers as [User, ...User[]];
const idAt = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;

const upsert = (index: number, writeTimeMicros = 0, bytes = 300, offset = 0): Write => ({
  message: { key: null, value: Buffer.alloc(bytes), offset: String(offset), timestamp: "0" },
  change: { kind: "upsert", user: { ...rachel, id: idAt(index) }, writeTimeMicros },
});
const upserts = (count: number, bytes?: number) => Array.from({ length: count }, (_, index) => upsert(index, 0, bytes));
const oneNode = () => "";

test("of two writes of a row, the newer stays, whichever comes first", () => {
  const [old, fresh] = [upsert(1, 10), upsert(1, 20)];
  expect(collapse([old, fresh])).toEqual({ newest: [fresh], replaced: new Map([[idAt(1), [old]]]) });
  expect(collapse([fresh, old])).toEqual({ newest: [fresh], replaced: new Map([[idAt(1), [old]]]) });
});

test("of two writes of a row with the same time, the later in the log stays", () => {
  const [first, second] = [upsert(1, 10, 300, 5), upsert(1, 10, 300, 6)];
  expect(collapse([first, second]).newest).toEqual([second]);
});

test("a delete that is newer replaces an upsert of the same row", () => {
  const remove: Write = { ...upsert(1), change: { kind: "delete", id: idAt(1), writeTimeMicros: 11 } };
  expect(collapse([remove, upsert(1, 10)]).newest).toEqual([remove]);
});

test("on one node a slice becomes batches of 32 rows", () => {
  expect(batchesOf(upserts(70), oneNode).map((batch) => batch.length)).toEqual([32, 32, 6]);
});

test("a batch stays below Cassandra's limit, and a larger row is a single write", () => {
  expect(batchesOf(upserts(12, 9_000), oneNode).map((batch) => batch.length)).toEqual([4, 4, 4]);
  expect(batchesOf(upserts(2, 60_000), oneNode).map((batch) => batch.length)).toEqual([1, 1]);
});

test("rows with different replicas never share a batch, and small batches become single writes", () => {
  const replicasOf = (id: string) => (id < idAt(40) ? "10.0.0.1 10.0.0.2" : "10.0.0.2 10.0.0.3");
  expect(batchesOf(upserts(43), replicasOf).map((batch) => batch.length)).toEqual([32, 8, 1, 1, 1]);
});

test("collapsing and batching lose no row and repeat none", () => {
  const writes = fc.array(
    fc.tuple(fc.nat(60), fc.nat(5), fc.nat(20_000)).map(([index, time, bytes]) => upsert(index, time, bytes)),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(writes, fc.integer({ min: 1, max: 5 }), (slice, nodes) => {
      const { newest, replaced } = collapse(slice);
      const batches = batchesOf(newest, (id) => String(Number.parseInt(id.slice(-3), 10) % nodes));
      const rows = batches.flat().map(({ change }) => idOf(change));
      expect(rows.sort()).toEqual([...new Set(slice.map(({ change }) => idOf(change)))].sort());
      expect(newest.length + [...replaced.values()].flat().length).toBe(slice.length);
      for (const { change } of newest)
        for (const older of replaced.get(idOf(change)) ?? [])
          expect(older.change.writeTimeMicros).toBeLessThanOrEqual(change.writeTimeMicros);
    }),
  );
});
