import { XMLParser } from "fast-xml-parser";

/** What one test process found: counts, and the failed tests by the names that a person reads. */
export interface Tally {
  passed: number;
  failed: number;
  failures: string[];
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  isArray: (name) => name === "testsuite" || name === "testcase",
});

interface Case {
  name?: string;
  file?: string;
  classname?: string;
  failure?: unknown;
  error?: unknown;
  skipped?: unknown;
}

interface Suite {
  testsuite?: Suite[];
  testcase?: Case[];
}

/**
 * Reads a JUnit XML report, as `bun test` and pytest write it. A skipped test counts as failed: nothing here is skipped.
 */
export function tallyOf(report: string): Tally {
  const { testsuites, ...root } = parser.parse(report) as { testsuites?: Suite } & Suite;
  const cases = casesOf(testsuites ?? root);
  const failures = cases
    .filter(({ failure, error, skipped }) => [failure, error, skipped].some((fault) => fault !== undefined))
    .map(({ name = "?", file, classname, skipped }) => {
      const place = file || classname;
      return `${place ? `${place}: ` : ""}${name}${skipped === undefined ? "" : " (skipped)"}`;
    });
  return { passed: cases.length - failures.length, failed: failures.length, failures };
}

const casesOf = ({ testcase = [], testsuite = [] }: Suite): Case[] => [...testcase, ...testsuite.flatMap(casesOf)];

export const sumOf = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
  failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
  failures: tallies.flatMap(({ failures }) => failures),
});
