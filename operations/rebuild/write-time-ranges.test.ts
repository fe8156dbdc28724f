import { expect, test } from "bun:test";
import fc from "fast-check";
import { openWriteTimes } from "../../stream/user-changes/write-times.ts";
import { spanAfter } from "./write-time-ranges.ts";

const id = "c7a41086-06e3-4bfe-9c40-4e9da2df42c8";

test("whoever reads the changes of a row, from wherever, dates each within its span", () => {
  const history = fc.array(fc.record({ microsLater: fc.nat(3), isNewTransaction: fc.boolean(), skipped: fc.nat(4) }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(history, fc.array(fc.nat(19)), (steps, restarts) => {
      let [commitMicros, order] = [1_000, 0];
      const changes = steps.map(({ microsLater, isNewTransaction, skipped }, index) => {
        if (isNewTransaction) [commitMicros, order] = [commitMicros + microsLater, 0];
        order += 1 + skipped; // changes of other rows are in between
        return { id, commitMicros, order, lsn: index };
      });
      let writeTimes = openWriteTimes(1);
      let span: ReturnType<typeof spanAfter> | undefined;
      for (const [index, change] of changes.entries()) {
        if (restarts.includes(index)) writeTimes = openWriteTimes(1);
        span = spanAfter(span, change);
        const micros = writeTimes.of(change);
        expect(micros).toBeGreaterThanOrEqual(span.first);
        expect(micros).toBeLessThanOrEqual(span.last);
      }
    }),
  );
});
