import { expect, test } from "bun:test";
import { sumOf, tallyOf } from "./junit.ts";

const bun = `<testsuites name="bun test" tests="4">
  <testsuite name="wire.test.ts" file="contract/wire.test.ts">
    <testcase name="a user survives &lt;the wire&gt;" classname="" time="0.1" file="contract/wire.test.ts" line="2" />
    <testcase name="nulls &amp; &quot;quotes&quot;" classname="" file="contract/wire.test.ts">
      <failure type="AssertionError" message="a &lt;testcase&gt; in a message">expected &lt;/testcase&gt;</failure>
    </testcase>
    <testcase name="later" classname="" file="contract/wire.test.ts">
      <skipped />
    </testcase>
    <testsuite name="group"><testcase name="inner" classname="group" file="contract/wire.test.ts"/></testsuite>
  </testsuite>
</testsuites>`;

const pytest = `<testsuites><testsuite name="pytest"><testcase classname="test_dag" name="test_imports" time="0.1" />
<testcase classname="test_dag" name="test_order"><error message="&#10;failed on setup">&gt; ValueError</error></testcase>
</testsuite></testsuites>`;

test("bun's report gives counts, including nested groups, and the names of failed tests", () => {
  expect(tallyOf(bun)).toEqual({
    passed: 2,
    failed: 2,
    failures: ['contract/wire.test.ts: nulls & "quotes"', "contract/wire.test.ts: later (skipped)"],
  });
});

test("pytest's report is read the same way", () => {
  expect(tallyOf(pytest)).toEqual({ passed: 1, failed: 1, failures: ["test_dag: test_order"] });
});

test("tallies add up", () => {
  expect(sumOf([tallyOf(bun), tallyOf(pytest)])).toMatchObject({ passed: 3, failed: 3 });
});
