import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { project } from "../../stack/instance.ts";
import { outcomeOf } from "./outcome.ts";

/** The project in a folder of the test's own, with its own `.env`; commands run there write their files there. */
export interface Checkout {
  folder: string;
  /** Runs lines as if pasted into a shell in that folder. */
  run: (
    lines: string,
    env: Record<string, string | undefined>,
  ) => Promise<{ code: number; stdout: string; stderr: string }>;
  close: () => void;
}

export function openCheckout(dotEnv = ""): Checkout {
  const folder = mkdtempSync(join(tmpdir(), "checkout-"));
  const excluded = new Set([".env", ".git", ".stack", ".stack-test"]);
  for (const name of readdirSync(project))
    if (!excluded.has(name)) symlinkSync(join(project, name), join(folder, name));
  if (dotEnv) writeFileSync(join(folder, ".env"), dotEnv);
  const tools = join(folder, ".tools");
  mkdirSync(tools);
  symlinkSync(process.execPath, join(tools, "bun"));
  // curl may not be installed.
  if (!Bun.which("curl")) symlinkSync(join(import.meta.dir, "curl.ts"), join(tools, "curl"));
  return {
    folder,
    async run(lines, env) {
      const shell = Bun.spawn(["bash", "-c", lines], {
        cwd: folder,
        env: { ...env, PATH: `${tools}:${env.PATH}` },
        stdio: ["ignore", "pipe", "pipe"],
      });
      return outcomeOf(shell);
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
