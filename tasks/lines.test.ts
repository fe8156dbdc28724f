import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Line, readLines, toLines } from "./lines.ts";

async function* chunksOf(chunks: Uint8Array[]) {
  yield* chunks;
}
const read = async (chunks: Uint8Array[]) => {
  const batches: Line[][] = [];
  for await (const batch of readLines(chunksOf(chunks))) batches.push(batch);
  return batches;
};
const bytesOf = (text: string) => new TextEncoder().encode(text);

test("each line is in the batch that completed it, and the last needs no line feed", async () => {
  expect(await read([bytesOf("a\nb\nc"), bytesOf("d\ne")])).toEqual([
    [
      { number: 1, text: "a" },
      { number: 2, text: "b" },
    ],
    [{ number: 3, text: "cd" }],
    [{ number: 4, text: "e" }],
  ]);
});

test("blank lines are skipped but counted", async () => {
  expect((await read([bytesOf("a\n\n \r\nb\n")])).flat()).toEqual([
    { number: 1, text: "a" },
    { number: 4, text: "b" },
  ]);
  expect(await read([])).toEqual([]);
});

test("the values are the same however the bytes are split into chunks", async () => {
  const unit = fc.constantFrom("a", "é", "ж", "آ", "🦉", '"', "\n", "\\", "\u2028");
  const values = fc.array(fc.string({ unit, maxLength: 12 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 9 }), async (texts, size) => {
      const bytes = bytesOf(toLines(texts));
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.slice(index * size, (index + 1) * size),
      );
      expect((await read(chunks)).flat().map(({ text }) => JSON.parse(text))).toEqual(texts);
    }),
  );
});

test("a batch holds at most 1,000 lines", async () => {
  const [first, ...rest] = await read([bytesOf("x\n".repeat(2_500))]);
  expect([first!.length, ...rest.map(({ length }) => length)]).toEqual([1_000, 1_000, 500]);
});
