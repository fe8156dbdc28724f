import { expect, test } from "bun:test";
import fc from "fast-check";
import { changeable, validUsers } from "../../contract/samples.ts";
import { keyOf } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";
import type { Change, Write } from "../../stream/change.ts";
import { wordsOf } from "../../stream/id-index.ts";
import { flags, openFold } from "./fold.ts";
import { hashOf, noRow } from "./row-hash.ts";

const changeTopic = "changes";
const ids = ["c7a41086-06e3-4bfe-9c40-4e9da2df42c8", "0b6e8b2e-6c1f-4d0a-8f36-1a2b3c4d5e6f"];
const userWith = (id: string, value: string): User => ({ ...validUsers[0]!, id, [changeable.text]: value }) as User;
const upsert = (id: string, value: string, writeTimeMicros: number): Change => ({
  kind: "upsert",
  user: userWith(id, value),
  writeTimeMicros,
});
const remove = (id: string, writeTimeMicros: number): Change => ({ kind: "delete", id, writeTimeMicros });

let offset = 0;
const writeOf = (change: Change, producedMs = 0): Write => ({
  change,
  message: { key: null, value: null, offset: String(offset++), timestamp: String(producedMs) },
});
const read = (fold: ReturnType<typeof openFold>, topic: string, ...changes: Change[]) => {
  const writes = changes.map((change) => writeOf(change));
  fold.apply({ topic, partition: 0, writes, records: writes.length });
};
const newestOf = (fold: ReturnType<typeof openFold>, id: string) => fold.newest(fold.table.find(wordsOf(id)));

test("the newest write of each id wins, in whatever order records are read", () => {
  const change = fc.record({ id: fc.constantFrom(...ids), value: fc.string(), isDelete: fc.boolean() });
  const history = fc.array(change, { minLength: 1 }).chain((changes) => {
    // Different times: records of one time are another matter.
    const timed = changes.map(({ id, value, isDelete }, time) =>
      isDelete ? remove(id, time) : upsert(id, value, time),
    );
    return fc.tuple(fc.constant(timed), fc.shuffledSubarray(timed, { minLength: timed.length }));
  });
  fc.assert(
    fc.property(history, ([timed, shuffled]) => {
      const fold = openFold(changeTopic);
      for (const one of shuffled) read(fold, one.kind === "delete" ? "edits" : "users", one, one);
      const last = new Map(timed.map((one) => [one.kind === "delete" ? one.id : keyOf(one.user), one]));
      expect(fold.table.size()).toBe(last.size);
      for (const [id, one] of last)
        expect(newestOf(fold, id)).toMatchObject({
          timeMicros: one.writeTimeMicros,
          hash: one.kind === "delete" ? noRow.deleted : hashOf(one.user),
          deletes: one.kind === "delete",
          topic: one.kind === "delete" ? "edits" : "users",
          tied: false,
        });
    }),
  );
});

test("at one time a deletion wins, and of two rows the last read, which is marked", () => {
  const [id] = ids as [string];
  const fold = openFold(changeTopic);
  read(fold, "users", upsert(id, "a", 5), upsert(id, "b", 5));
  expect(newestOf(fold, id)).toMatchObject({ hash: hashOf(userWith(id, "b")), tied: true });
  read(fold, "users", remove(id, 5), upsert(id, "c", 5));
  expect(newestOf(fold, id)).toMatchObject({ deletes: true, tied: false });
  read(fold, "users", upsert(id, "d", 6), upsert(id, "d", 6));
  expect(newestOf(fold, id)).toMatchObject({ hash: hashOf(userWith(id, "d")), tied: false, deletes: false });
});

test("the last change event is known too, whatever is newer", () => {
  const [id] = ids as [string];
  const fold = openFold(changeTopic);
  read(fold, changeTopic, upsert(id, "a", 5));
  read(fold, "users", upsert(id, "b", 9));
  const index = fold.table.find(wordsOf(id));
  expect([fold.captured(index), fold.newest(index)?.timeMicros]).toEqual([hashOf(userWith(id, "a")), 9]);
  expect(fold.has(index, flags.captured)).toBe(true);
  read(fold, changeTopic, remove(id, 6));
  expect(fold.has(index, flags.captured)).toBe(false);
  expect([fold.captured(index), fold.newest(index)?.timeMicros]).toEqual([noRow.deleted, 9]);
});

test("a record that leaves columns as they were makes the row incomplete, until a whole one follows", () => {
  const [id] = ids as [string];
  const fold = openFold(changeTopic);
  read(fold, changeTopic, { ...(upsert(id, "a", 5) as Change & { kind: "upsert" }), kept: [changeable.optional] });
  expect(newestOf(fold, id)).toMatchObject({ incomplete: true });
  read(fold, changeTopic, upsert(id, "a", 6));
  expect(newestOf(fold, id)).toMatchObject({ incomplete: false });
});

test("only records produced since a time make their ids wanted, whatever their write times", () => {
  const fold = openFold(changeTopic, 1_000);
  const writes = [writeOf(upsert(ids[0]!, "a", 5), 999), writeOf(upsert(ids[1]!, "a", 5), 1_000)];
  fold.apply({ topic: "users", partition: 0, writes, records: 2 });
  expect(ids.map((id) => fold.has(fold.table.find(wordsOf(id)), flags.wanted))).toEqual([false, true]);
  fold.apply({ topic: "users", partition: 0, writes: [writeOf(upsert(ids[0]!, "b", 4), 1_001)], records: 1 });
  expect(fold.has(fold.table.find(wordsOf(ids[0]!)), flags.wanted)).toBe(true);
});
