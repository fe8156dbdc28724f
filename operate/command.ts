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

/** Prints the report for programs instead of people. */
export const jsonOption = { type: "boolean", describe: "Print one JSON object" } as const;

/** Commands under one name: `dead-letters list`. */
export interface Group extends Pick<Command<unknown>, "name" | "summary" | "detail" | "exits"> {
  /** Command lines and what they do. */
  examples: readonly (readonly [line: string, what: string])[];
  /** Adds the commands. */
  commands: (yargs: Argv) => Argv;
}

/** Adds a group of commands to a command line. */
export const addGroup = (yargs: Argv, { name, summary, detail, examples, commands, exits }: Group): Argv =>
  yargs.command(name, summary, (own) =>
    commands(own)
      .demandCommand(1, `${name}: which command?`)
      .example(examples.map(([line, what]) => [line, what] as [string, string]))
      .epilogue(epilogueOf({ exits, ...(detail !== undefined && { detail }) })),
  );

/** Adds a command to a command line. */
export function add<Arguments>(yargs: Argv, command: Command<Arguments>): Argv {
  return yargs.command(
    command.name,
    command.summary,
    (own) => command.options(own).epilogue(epilogueOf(command)),
    async (given) => {
      process.exitCode = await command.run(given as Arguments);
    },
  );
}

/** What stands below a command's options in its help. */
function epilogueOf({ detail, exits }: Pick<Command<unknown>, "detail" | "exits">): string {
  const meanings = Object.entries(exits).map(([code, meaning]) => `${code} ${meaning}`);
  return [detail, `Exit codes: ${meanings.join("; ")}.`].filter(Boolean).join("\n\n");
}
