import { join, resolve } from "node:path";

/** The checkout. The compiled binary has none. */
export const project = resolve(import.meta.dir, "..");

/** The folder of the native stack, which may not exist: `STACK_DIR`, or .stack in the checkout. */
export const stackFolder = (env: Record<string, string | undefined> = process.env): string =>
  resolve(env.STACK_DIR || join(project, ".stack"));
