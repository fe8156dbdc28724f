import type { Argv } from "yargs";

/** Exit codes of every command: all is well; it found something to look at; it could not look, or was misused. */
export const exitCodes = { fine: 0, found: 1, failed: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A command of the operator's command line. */
export interface Command<Arguments> {
  /** Its name and arguments as yargs takes them: `where <user>`. */
  name: string;
  /** What it does, one line, imperative. */
  summary: string;
  /** Further sentences, shown by `--help` of the command. */
  detail?: string;
  /** Declares arguments, options and examples. */
  options: (yargs: Argv) => Argv<Arguments>;
  /** What each exit code means. */
  exits: Partial<Record<ExitCode, string>>;
  /** Does it; an error that it throws is printed, and the exit code is then 2. */
  run: (given: Arguments) => Promise<ExitCode>;
}

/** Every report is also to be had for programs. */
export const jsonOption = { type: "boolean", describe: "Print one JSON object" } as const;

/** Adds a command to a command line. */
export function add<Arguments>(yargs: Argv, { name, summary, detail, options, exits, run }: Command<Arguments>): Argv {
  const meanings = Object.entries(exits).map(([code, meaning]) => `${code} ${meaning}`);
  return yargs.command(
    name,
    summary,
    (own) => options(own).epilogue([detail, `Exit codes: ${meanings.join("; ")}.`].filter(Boolean).join("\n\n")),
    async (given) => {
      process.exitCode = await run(given as Arguments);
    },
  );
}
