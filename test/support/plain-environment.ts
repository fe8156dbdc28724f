import { allSettings } from "../../sources/config.ts";

/** This process's environment without variables that select a stack or change settings. */
export function plainEnvironment(): Record<string, string> {
  const ours = new Set([...allSettings.map(({ env }) => env), "CONFIG_FILE", "STACK_DIR", "TASKS_BIN", "RUNS_DIR"]);
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => !ours.has(entry[0])),
  );
}
