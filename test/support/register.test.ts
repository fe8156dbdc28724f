import { expect, test } from "bun:test";
import fc from "fast-check";
import { openRegisters, type Registers, type Value } from "./register.ts";

/** Registers whose clock is set by hand, far from the tolerance. */
function openAt() {
  let time = 0;
  const registers = openRegisters(() => time);
  return {
    registers,
    at: (when: number) => {
      time = when * 100;
    },
    now: () => time,
  };
}

const kinds = (registers: Registers, rows: Record<string, string>) =>
  registers.anomalies(new Map(Object.entries(rows))).map(({ kind }) => kind);

/** Writes one after the other, each with its outcome, and nothing between them. */
function written(...writes: [Value, "acknowledged" | "refused" | "unknown"][]) {
  const { registers, at } = openAt();
  for (const [index, [value, outcome]] of writes.entries()) {
    at(2 * index);
    const answer = registers.begin("u", value);
    at(2 * index + 1);
    answer(outcome);
  }
  return registers;
}

test("the newest acknowledged write is what a row has to have", () => {
  const registers = written(["a", "acknowledged"], ["b", "acknowledged"]);
  expect(kinds(registers, { u: "b" })).toEqual([]);
  expect(kinds(registers, { u: "a" })).toEqual(["lost"]);
  expect(kinds(registers, {})).toEqual(["lost"]);
});

test("a deletion is a write like the others", () => {
  const registers = written(["a", "acknowledged"], [null, "acknowledged"]);
  expect(kinds(registers, {})).toEqual([]);
  expect(kinds(registers, { u: "a" })).toEqual(["lost"]);
  expect(kinds(written(["a", "acknowledged"], [null, "acknowledged"], ["b", "acknowledged"]), {})).toEqual(["lost"]);
});

test("a write without an answer may be in force, now or later, and a refused one may not", () => {
  expect(kinds(written(["a", "acknowledged"], ["b", "unknown"]), { u: "a" })).toEqual([]);
  expect(kinds(written(["a", "unknown"], ["b", "acknowledged"]), { u: "a" })).toEqual([]);
  expect(kinds(written(["a", "acknowledged"], ["b", "refused"]), { u: "b" })).toEqual(["refused, yet stored"]);
  expect(kinds(written(["a", "acknowledged"], ["b", "refused"]), { u: "a" })).toEqual([]);
});

test("values and rows that nobody wrote are invented", () => {
  const registers = written(["a", "acknowledged"]);
  expect(kinds(registers, { u: "x" })).toEqual(["invented"]);
  expect(kinds(registers, { u: "a", v: "a" })).toEqual(["invented"]);
});

test("of writes at the same time either may win, but reads may not go back to a surely older one", () => {
  const { registers, at, now } = openAt();
  const [one, other] = [registers.begin("u", "a"), registers.begin("u", "b")];
  at(1);
  one("acknowledged");
  other("acknowledged");
  at(2);
  const later = registers.begin("u", "c");
  at(3);
  later("acknowledged");
  expect(kinds(registers, { u: "a" })).toEqual(["lost"]);
  const see = (when: number, value: Value) => {
    at(when);
    registers.saw("u", value, now());
  };
  see(4, "b");
  see(5, "a");
  see(6, "c");
  expect(kinds(registers, { u: "c" })).toEqual([]);
  see(7, "a");
  expect(kinds(registers, { u: "c" })).toEqual(["older over newer"]);
  see(8, null);
  expect(kinds(registers, { u: "c" }).length).toBeGreaterThan(1);
});

test("a value that is read before its write began is invented", () => {
  const { registers, at, now } = openAt();
  registers.saw("u", "a", now());
  at(1);
  registers.begin("u", "a")("acknowledged");
  expect(kinds(registers, { u: "a" })).toEqual(["invented"]);
});

test("whatever the writers do, a store in which the newest write time wins has no anomalies, and one that loses its last write has", () => {
  const step = fc.record({
    value: fc.option(fc.nat(), { nil: null }),
    takes: fc.integer({ min: 1, max: 5 }),
    writtenAfter: fc.double({ min: 0, max: 1, noNaN: true }),
    outcome: fc.constantFrom("acknowledged" as const, "unknown" as const),
    gap: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const { registers, at } = openAt();
      const applied: { time: number; value: Value }[] = [];
      const events: { when: number; run: () => void }[] = [];
      let begin = 0;
      for (const [index, { value, takes, writtenAfter, outcome, gap }] of steps.entries()) {
        const text = value === null ? null : `${index}`;
        let answer: ReturnType<Registers["begin"]>;
        const start = () => {
          answer = registers.begin("u", text);
        };
        events.push({ when: begin, run: start });
        const end = begin + takes;
        events.push({ when: end, run: () => answer(outcome) });
        applied.push({ time: begin + writtenAfter * takes, value: text });
        begin += gap;
      }
      for (const { when, run } of events.toSorted((one, other) => one.when - other.when)) {
        at(when);
        run();
      }
      const newest = applied.toSorted((one, other) => one.time - other.time).at(-1)?.value ?? null;
      expect(kinds(registers, newest === null ? {} : { u: newest })).toEqual([]);

      at(begin + 100);
      registers.begin("u", "last")("acknowledged");
      const certain = steps.every(({ outcome }) => outcome === "acknowledged");
      if (certain) expect(kinds(registers, newest === null ? {} : { u: newest })).toEqual(["lost"]);
    }),
  );
});
