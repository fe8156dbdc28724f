/** What one test process found: counts, and the failed tests by the names that a person reads. */
export interface Tally {
  passed: number;
  failed: number;
  failures: string[];
}

/**
 * Reads a JUnit XML report, as `bun test` and pytest write it. A skipped test counts as failed: nothing here is skipped.
 */
export function tallyOf(report: string): Tally {
  const cases = [...report.matchAll(/<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)];
  const failures = cases
    .filter(([, , body = ""]) => /<(failure|error|skipped)\b/.test(body))
    .map(([, attributes = "", body = ""]) => {
      const place = attributeOf(attributes, "file") ?? attributeOf(attributes, "classname");
      const skipped = body.includes("<skipped") ? " (skipped)" : "";
      return `${place ? `${place}: ` : ""}${attributeOf(attributes, "name") ?? "?"}${skipped}`;
    });
  return { passed: cases.length - failures.length, failed: failures.length, failures };
}

export const sumOf = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
  failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
  failures: tallies.flatMap(({ failures }) => failures),
});

function attributeOf(attributes: string, name: string): string | undefined {
  const value = attributes.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1];
  return value && unescapeXml(value);
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

const unescapeXml = (text: string) =>
  text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name) return entities[name] ?? whole;
    return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16));
  });
