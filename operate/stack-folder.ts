import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder of the native stack, if there is one: `STACK_DIR`, or .stack in the checkout. */
export function stackFolder(env: Record<string, string | undefined> = process.env): string | undefined {
  const folder = env.STACK_DIR || join(import.meta.dir, "..", ".stack");
  return existsSync(folder) ? folder : undefined;
}
