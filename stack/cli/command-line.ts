import type { Instance } from "../instance.ts";

/** One command of the stack's command line. */
export interface Command {
  /** One sentence for `--help`. */
  does: string;
  /** Its arguments as `--help` shows them. A command that says nothing takes its options only. */
  takes?: string;
  /** Each option with what it adds. */
  options?: Record<string, string>;
  /** Whether `--help` goes to the tool that the command runs. */
  hasOwnHelp?: boolean;
  /** Works on one stack with the rest of the command line and resolves with the exit code; `stop` aborts on Ctrl-C. */
  run: (instance: Instance, args: string[], stop: AbortSignal) => Promise<number>;
}

export type Commands = Record<string, Command>;

/** What a command line asks for: something to run, something to print, or a mistake to point out. */
export type Request = { command: Command; args: string[] } | { help: string } | { mistake: string };

export function parseCommandLine(commands: Commands, [name = "", ...args]: string[]): Request {
  if (isHelp(name)) return { help: overview(commands) };
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command)
    return { mistake: `${name === "" ? "Which command?" : `No such command: ${name}`}\n\n${overview(commands)}` };
  if (!command.hasOwnHelp && args.some(isHelp)) return { help: helpOf(name, command) };
  const unknown = command.takes ? undefined : args.find((arg) => !Object.hasOwn(command.options ?? {}, arg));
  if (unknown !== undefined)
    return { mistake: `\`bun run ${name}\` does not take ${unknown}; nothing was done.\n\n${helpOf(name, command)}` };
  return { command, args };
}

const isHelp = (arg: string) => arg === "--help" || arg === "-h";

function overview(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, { does }]) => [`bun run ${name}`, does] as const);
  return `${columns(rows)}\n\n\`bun run COMMAND --help\` shows a command's options.`;
}

function helpOf(name: string, { does, takes, options = {} }: Command): string {
  const usage = [`usage: bun run ${name}`, ...(takes ? [takes] : Object.keys(options).map((option) => `[${option}]`))];
  const rows = [...Object.entries(options), ["--help, -h", "shows this"] as const];
  return `${usage.join(" ")}\n\n${does}\n\n${columns(rows)}`;
}

function columns(rows: (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
