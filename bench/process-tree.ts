import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = Number(Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString()) || 100;
const pageBytes = Number(Bun.spawnSync(["getconf", "PAGESIZE"]).stdout.toString()) || 4096;

/** CPU seconds and resident bytes of a process and all its descendants (Linux). */
export function measureTree(pid: number): { cpuSeconds: number; residentBytes: number } {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap(statOf);
  const members = new Set([pid]);
  for (let grew = true; grew; ) {
    const before = members.size;
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid);
    grew = members.size > before;
  }
  const tree = processes.filter(({ pid }) => members.has(pid));
  return {
    cpuSeconds: tree.reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond,
    residentBytes: tree.reduce((sum, { pages }) => sum + pages, 0) * pageBytes,
  };
}

function statOf(name: string) {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    // The second field, the command's name in parentheses, may contain anything; state and parent pid follow it.
    const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [
      {
        pid: Number(name),
        parent: Number(rest[1]),
        ticks: Number(rest[11]) + Number(rest[12]),
        pages: Number(rest[21]),
      },
    ];
  } catch {
    return []; // exited since the listing
  }
}
