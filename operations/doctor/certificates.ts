import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "./finding.ts";

/** A certificate with less time left than this is named, in days. */
const warnDays = 30;
const dayMs = 86_400_000;

/** Certificates of the stack that have expired or soon will: `up` renews them, but only while nothing runs. */
export function certificateFindings(stackFolder: string, now = Date.now()): Finding[] {
  const folder = join(stackFolder, "certificates");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /(^ca|\/(server|client))\.crt$/.test(name),
  );
  const soon = files
    .map((name) => ({ name, end: new X509Certificate(readFileSync(join(folder, name))).validToDate }))
    .filter(({ end }) => end.getTime() - now < warnDays * dayMs)
    .toSorted((a, b) => a.end.getTime() - b.end.getTime());
  const [first] = soon;
  if (first === undefined) return [];
  const hasExpired = first.end.getTime() < now;
  const others = soon.length > 1 ? ` and ${soon.length - 1} more` : "";
  return [
    {
      severity: hasExpired ? "error" : "warning",
      about: "the stack's certificates",
      cause: `${first.name}${others} ${hasExpired ? "expired" : "will expire"} on ${first.end.toISOString().slice(0, 10)}`,
      cure: "Run `bun run down && bun run up`, which renews them",
    },
  ];
}
