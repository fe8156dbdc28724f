import type { z } from "zod";

/** A value's first validation error, as `path: what was expected`; `prefix` is the path of the value itself. */
export function firstFault(error: z.ZodError, prefix = ""): string {
  const issue = error.issues[0];
  if (!issue) return "invalid";
  const path = issue.path.reduce<string>(
    (line, key) => (typeof key === "number" ? `${line}[${key}]` : line ? `${line}.${String(key)}` : String(key)),
    prefix,
  );
  return path ? `${path}: ${issue.message}` : issue.message;
}
