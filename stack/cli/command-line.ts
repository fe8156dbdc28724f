import type { Instance } from "../instance.ts";

/** A command of the stack's command line. */
export interface Command {
  /** What the command does, one line, imperative. */
  summary: string;
  /** Its options and arguments as `--help` shows them; if omitted, the command accepts only `options`. */
  usage?: string;
  /** Each option and its description. */
  options?: Record<string, string>;
  /** Whether `--help` is passed on to the tool that the command runs. */
  hasOwnHelp?: boolean;
  /** Runs the command on a stack and resolves with the exit code; `stop` aborts on Ctrl-C. */
  run: (instance: Instance, args: string[], stop: AbortSignal) => Promise<number>;
}

/** The option of commands that start the stack with TLS and logins, from then on. */
export const secureOption = "--secure";
export const secureHelp = "with TLS, logins and least rights, from now on and with the data that there is";

/** The option of commands that act on the cluster, or start it. */
export const clusterOption = "--cluster";
export const clusterHelp = "three brokers, three Cassandra nodes and two consumers, with data of their own";

export type Commands = Record<string, Command>;

/** A parsed command line: a command to run, help to print, or a usage error. */
export type Request = { command: Command; args: string[] } | { help: string } | { usageError: string };

export function parseCommandLine(commands: Commands, [name = "", ...args]: string[]): Request {
  if (isHelp(name)) return { help: overview(commands) };
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command)
    return { usageError: `${name === "" ? "No command given" : `Unknown command: ${name}`}\n\n${overview(commands)}` };
  if (!command.hasOwnHelp && args.some(isHelp)) return { help: helpOf(name, command) };
  const unknown = command.usage ? undefined : args.find((arg) => !Object.hasOwn(command.options ?? {}, arg));
  if (unknown !== undefined)
    return { usageError: `bun run ${name}: unknown ${kindOf(unknown)}: ${unknown}\n\n${helpOf(name, command)}` };
  return { command, args };
}

const isHelp = (arg: string) => arg === "--help" || arg === "-h";

const kindOf = (arg: string) => (arg.startsWith("-") ? "option" : "argument");

function overview(commands: Commands): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [`bun run ${name}`, summary] as const);
  return `usage: bun run COMMAND\n\n${columns(rows)}\n\nRun \`bun run COMMAND --help\` for the options of a command.`;
}

function helpOf(name: string, { summary, usage, options = {} }: Command): string {
  const line = ["usage: bun run", name, ...(usage ? [usage] : Object.keys(options).map((option) => `[${option}]`))];
  const rows = [...Object.entries(options), ["-h, --help", "show this help and exit"] as const];
  return `${line.join(" ")}\n\n${summary}.\n\noptions:\n${columns(rows)}`;
}

function columns(rows: (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
