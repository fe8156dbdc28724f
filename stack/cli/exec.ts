import { environmentOf } from "../environment.ts";
import type { Instance } from "../instance.ts";

/** Runs a program on this terminal with the stack's addresses in its environment and resolves with its exit code. */
export function exec(
  argv: string[],
  instance: Instance,
  settings: Record<string, string> = environmentOf(instance),
): Promise<number> {
  const env = { ...instance.env, ...settings };
  return Bun.spawn(argv, { env, stdio: ["inherit", "inherit", "inherit"] }).exited;
}
