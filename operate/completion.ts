import { join } from "node:path";

const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;

/** Defines the shell function `operate`, which runs a command in this checkout from any folder. */
export const shellFunction = `operate() { ${[
  process.execPath,
  `--cwd=${join(import.meta.dir, "..")}`,
  join(import.meta.dir, "main.ts"),
]
  .map(quoted)
  .join(" ")} "$@"; }`;

/** Whether the shell asks for the completion script, or for completions. */
export const startsCompletion = (argv: readonly string[]) =>
  argv[0] === "completion" || argv.includes("--get-yargs-completions");
