import { join } from "node:path";
import { tailOf } from "../log-tail.ts";
import type { ProgramState } from "../supervisor/programs.ts";
import type { Finding, Service } from "./finding.ts";
import { killsForMemory } from "./machine.ts";

/** An exit of a program that nobody asked for. */
export interface Exit {
  /** Milliseconds since 1970. */
  at: number;
  /** "exit status 1", "SIGKILL". */
  how: string;
}

/** Exits longer ago are forgotten, in milliseconds. */
const rememberedMs = 3_600_000;
/** After an exit this long ago a running program has recovered, in milliseconds. */
const recoveredAfterMs = 60_000;
/** One or two exits during start-up, when another service was not ready in time, are normal. */
const manyExits = 3;

/** Where the stack's logs are, and how many exits of a program are too many. */
export interface ExitScope {
  logs: string;
  tooMany?: number;
}

/** What is wrong with a program that exits by itself. */
export async function exitFindings(
  service: Service,
  program: ProgramState,
  { logs, tooMany = manyExits }: ExitScope,
): Promise<Finding[]> {
  const { name, state } = program;
  const now = Date.now();
  const all = exitsOf(name, (await tailOf(join(logs, "supervisord.log"), 10_000, 1024 ** 2)).join("\n"));
  const exits = all.filter(({ at }) => now - at < rememberedMs);
  const last = exits.at(-1);
  const isDown = state === "BACKOFF" || state === "EXITED" || state === "FATAL";
  const log = await tailOf(join(logs, `${name}.log`), 2_000, 256 * 1024);
  const diagnosis = explain(name, exits, last, isDown || exits.length >= tooMany, log);
  if (diagnosis === undefined) return [];
  const isBroken = isDown || (last !== undefined && now - last.at < recoveredAfterMs);
  return [
    {
      severity: isBroken ? "error" : "warning",
      about: service,
      ...diagnosis,
      ...(isBroken && { explains: [service] }),
    },
  ];
}

function explain(
  name: string,
  exits: Exit[],
  last: Exit | undefined,
  isWrong: boolean,
  log: string[],
): Pick<Finding, "cause" | "cure"> | undefined {
  const times = `${exits.length} ${exits.length === 1 ? "time" : "times"} in the last hour`;
  const when = last ? `, last at ${new Date(last.at).toTimeString().slice(0, 5)}` : "";
  // A JVM with -XX:+ExitOnOutOfMemoryError exits with 3.
  if (last?.how === "exit status 3" && log.some((line) => line.includes("OutOfMemoryError")))
    return {
      cause: `${name} ran out of memory (Java's OutOfMemoryError) and exited ${times}${when}`,
      cure: `Raise its -Xmx in stack/services/, then \`bun run down && bun run up\``,
    };
  if (last?.how === "SIGKILL") {
    const kills = killsForMemory();
    const evidence = kills ? `; for lack of memory Linux has killed ${kills} since it started` : "";
    return {
      cause: `${name} was killed (SIGKILL) ${times}${when}${evidence}`,
      cure: "Unless somebody did that by hand, free memory: Linux kills processes when it runs out (`free -m`)",
    };
  }
  if (!isWrong) return undefined;
  const why = log.findLast((line) => /error|exception|fatal|cannot|failed/i.test(line)) ?? log.at(-1);
  const how = last ? ` (${last.how})` : "";
  return {
    cause: `${name} exited ${times}${when}${how}${why ? `: ${shortened(why.trim())}` : ""}`,
    cure: `See \`bun run logs ${name}\``,
  };
}

const shortened = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

const line = /^(\S+ \S+),\d+ \w+ (exited|stopped): (\S+) \((?:terminated by )?([^;)]*)/;

/** A program's exits since it was last started by hand, from supervisor's log, whose times are local. Pure. */
export function exitsOf(program: string, log: string): Exit[] {
  let exits: Exit[] = [];
  for (const text of log.split("\n")) {
    if (text.includes(" supervisord started with pid ")) exits = [];
    const [, time = "", what, name, how = ""] = line.exec(text) ?? [];
    if (name !== program) continue;
    if (what === "stopped") exits = [];
    else exits.push({ at: new Date(time).getTime(), how: how.replace(/ \(core dumped\)?$/, "") });
  }
  return exits;
}
