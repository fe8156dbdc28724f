import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildIn, digestOfSources } from "../task-binary.ts";
import type { Finding } from "./finding.ts";

/** The tasks' binary in a folder: missing, or not made from the sources of its checkout as they are now. */
export async function taskBinaryFindings(folder: string): Promise<Finding[]> {
  const finding = (cause: string): Finding[] => [
    { severity: "error", about: folder, cause, cure: "Build it with `bun run build`; no restart is needed" },
  ];
  const build = await buildIn(folder);
  if (build === undefined) return finding("the tasks' binary is missing or incomplete, so every run of the DAG fails");
  const root = dirname(dirname(folder));
  if (!existsSync(join(root, "tasks", "build.ts")) || build.digest === (await digestOfSources(root))) return [];
  return finding("the tasks' binary is not made from the sources as they are now");
}
