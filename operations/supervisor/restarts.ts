import { statSync } from "node:fs";
import { join } from "node:path";

/** How often supervisor has started a program again after it had exited by itself. */
export interface Restarts {
  count: number;
  /** The last exit: when, in milliseconds since 1970, and how ("exit status 1", "SIGKILL"). */
  last?: { atMs: number; how: string };
}

export interface RestartCounts {
  byProgram: Map<string, Restarts>;
  /** Whether the log reaches back to the start of the stack; otherwise there may be more. */
  isWhole: boolean;
}

const line = /^(\S+ \S+),\d+ \w+ (?:(supervisord started) with pid|(spawned|exited|stopped): '?([^\s']+)'?(.*))/;

/** The restarts since the stack was started, from supervisor's log, whose times are local. Pure. */
export function restartsIn(log: string): RestartCounts {
  let counts: RestartCounts = { byProgram: new Map(), isWhole: false };
  const exited = new Set<string>();
  for (const text of log.split("\n")) {
    const [, time = "", begins, what, name = "", rest = ""] = line.exec(text) ?? [];
    if (begins) {
      counts = { byProgram: new Map(), isWhole: true };
      exited.clear();
    }
    const known = counts.byProgram.get(name) ?? { count: 0 };
    if (what === "stopped") exited.delete(name);
    if (what === "exited") {
      const [, how = ""] = /^ \((?:terminated by )?([^;()]*)/.exec(rest) ?? [];
      counts.byProgram.set(name, { ...known, last: { atMs: new Date(time).getTime(), how: how.trim() } });
      exited.add(name);
    }
    if (what === "spawned" && exited.delete(name)) counts.byProgram.set(name, { ...known, count: known.count + 1 });
  }
  return counts;
}

/** Reads the restarts of the stack in a folder, and its log again only if it has changed. */
export function openRestarts(folder: string): () => Promise<RestartCounts> {
  const current = join(folder, "logs", "supervisord.log");
  const files = [`${current}.1`, current];
  let seen = "";
  let counts: RestartCounts = { byProgram: new Map(), isWhole: false };
  return async () => {
    const stats = files.map((file) => statSync(file, { throwIfNoEntry: false }));
    const now = stats.map((stat) => `${stat?.ino} ${stat?.size}`).join();
    if (now === seen) return counts;
    const texts = files.map((file, index) => (stats[index] ? Bun.file(file).text() : ""));
    counts = restartsIn((await Promise.all(texts)).join(""));
    seen = now;
    return counts;
  };
}
