import { XMLParser } from "fast-xml-parser";

/** The result of one test process: counts, and the readable names of failed tests. */
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

/** Reads the JUnit XML report of `bun test` or pytest. A skipped test counts as failed. */
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
