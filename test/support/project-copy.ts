import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { project } from "../../stack/instance.ts";
import { outcomeOf } from "./outcome.ts";

/** A copy of the project's sources that a test may change, as somebody who makes the project their own would. */
export interface ProjectCopy {
  folder: string;
  /** Replaces the only occurrence of a text in a file. @throws Error unless it occurs exactly once */
  edit: (file: string, text: string, by: string) => void;
  /** Runs `bun ARGUMENT…` in the copy. */
  bun: (
    argv: string[],
    env?: Record<string, string | undefined>,
  ) => Promise<{ code: number; stdout: string; stderr: string }>;
  close: () => void;
}

const excluded = new Set([".env", ".git", ".stack", ".stack-test", "dist", "node_modules"]);

export function openProjectCopy(): ProjectCopy {
  const folder = mkdtempSync(join(tmpdir(), "project-copy-"));
  cpSync(project, folder, { recursive: true, filter: (source) => !excluded.has(basename(source)) });
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  return {
    folder,
    edit(file, text, by) {
      const path = join(folder, file);
      const parts = readFileSync(path, "utf8").split(text);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} occurrences of ${text}, not one`);
      writeFileSync(path, parts.join(by));
    },
    async bun(argv, env = process.env) {
      const command = Bun.spawn([process.execPath, ...argv], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      return outcomeOf(command);
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
