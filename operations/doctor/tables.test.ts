import { expect, test } from "bun:test";
import { buildFindings } from "./tables.ts";

test("an index that a node is building is waited for, and one that it cannot use is created again", () => {
  const found = (is_queryable: boolean, is_building: boolean) =>
    buildFindings({ node: "10.0.0.1:9042", is_queryable, is_building }, "the index", "`…`").map(
      ({ severity, cause, cure }) => `${severity}: ${cause}. ${cure}`,
    );
  expect(found(true, false)).toEqual([]);
  expect(found(false, true)).toEqual([
    "warning: 10.0.0.1:9042 is still building it. Wait: a search fails until it is built",
  ]);
  expect(found(false, false)).toEqual(["error: 10.0.0.1:9042 cannot use it, so a search fails. Create it again: `…`"]);
});
