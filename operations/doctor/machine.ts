import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findPython, leastPython } from "../python.ts";
import type { ProgramState } from "../supervisor/programs.ts";
import type { Finding } from "./finding.ts";

const mebibyte = 1024 ** 2;
const about = "this machine";

/** What the stack needs, in bytes. Below `error` services fail; below `warning` they soon may. */
export const needs = {
  disk: { error: 500 * mebibyte, warning: 3_000 * mebibyte },
  /** Beside a stack that runs. */
  memory: { error: 150 * mebibyte, warning: 400 * mebibyte },
  /** To start it. */
  memoryToStart: { error: 0, warning: 3_500 * mebibyte },
};
type Limits = (typeof needs)["disk"];

/** Little space on the disks of these folders, each disk once. */
export async function diskFindings(folders: string[], limits: Limits = needs.disk): Promise<Finding[]> {
  const existing = folders.filter((folder) => existsSync(folder));
  const disks = new Map(existing.map((folder) => [statSync(folder).dev, folder]));
  const findings = [...disks.values()].map(async (folder) => {
    const { bavail, bsize } = await statfs(folder);
    return scarcity(
      `free space on the disk of ${folder}`,
      bavail * bsize,
      limits,
      "Delete what is not needed there, or move the stack with STACK_DIR",
    );
  });
  return (await Promise.all(findings)).flat();
}

/** Little memory, whether of the machine or of the control group that this process is in. */
export function memoryFindings(limits: Limits, available = availableMemory()): Finding[] {
  if (available === undefined) return [];
  return scarcity("memory available", available, limits, "End other programs, or add memory");
}

const scarcity = (what: string, bytes: number, limits: Limits, cure: string): Finding[] =>
  bytes >= limits.warning
    ? []
    : [
        {
          severity: bytes < limits.error ? "error" : "warning",
          about,
          cause: `only ${Math.round(bytes / mebibyte).toLocaleString("en")} MB of ${what}`,
          cure,
        },
      ];

/** Memory that can be had without swapping, in bytes; undefined on a system without /proc. */
function availableMemory(): number | undefined {
  const [, kilobytes] = read("/proc/meminfo").match(/^MemAvailable:\s+(\d+) kB/m) ?? [];
  if (kilobytes === undefined) return undefined;
  const group = "/sys/fs/cgroup/memory";
  const limit = Number(read(`${group}.max`) || read(`${group}/memory.limit_in_bytes`) || "Infinity");
  const used = Number(read(`${group}.current`) || read(`${group}/memory.usage_in_bytes`));
  const statistics = read(`${group}.stat`) || read(`${group}/memory.stat`);
  const cached = [...statistics.matchAll(/^(?:in)?active_file (\d+)$/gm)].reduce(
    (sum, [, bytes]) => sum + Number(bytes),
    0,
  );
  return Math.min(Number(kilobytes) * 1024, Number.isNaN(limit) ? Infinity : limit - used + cached);
}

/** How many processes Linux has killed for lack of memory since it started; 0 if that is not known. */
export function killsForMemory(): number {
  const counters = [read("/proc/vmstat"), read("/sys/fs/cgroup/memory.events")];
  return Math.max(...counters.map((text) => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)));
}

/** Kafka and Cassandra hold a file handle for each segment and connection; the usual limit of 1,024 is too low. */
const fewHandles = 4_096;

/** A limit on file handles that is low, or that a program has nearly reached. */
export function handleFindings(programs: Pick<ProgramState, "name" | "pid">[]): Finding[] {
  return programs.flatMap(({ name, pid }): Finding[] => {
    const limit = handleLimitOf(pid);
    const open = orElse(0, () => readdirSync(`/proc/${pid}/fd`).length);
    const isNearlyReached = open > 0.8 * limit;
    if (limit >= fewHandles && !isNearlyReached) return [];
    return [
      {
        severity: isNearlyReached ? "error" : "warning",
        about,
        cause: `${name} may open ${limit.toLocaleString("en")} files, and has ${open.toLocaleString("en")} open`,
        cure: "Raise the limit and restart the stack in the same shell: `ulimit -n 65536 && bun run down && bun run up`",
      },
    ];
  });
}

/** How many files a process may open; Infinity if that is not known. */
function handleLimitOf(pid: number): number {
  const [, limit] = read(`/proc/${pid}/limits`).match(/^Max open files\s+(\d+)/m) ?? [];
  return Number(limit ?? "Infinity");
}

const leastNode = 20;
const leastJava = 17;

/** Node and, before the stack's first start, Python that are too old. With Bun installed, Node is not needed. */
export async function toolFindings(path: string, needsPython: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  const node = Bun.which("node", { PATH: path });
  const version = node ? (await Bun.$`${node} --version`.nothrow().quiet().text()).trim() : "";
  const [, major] = /^v(\d+)\./.exec(version) ?? [];
  if (Number(major) < leastNode)
    findings.push({
      severity: "warning",
      about: "Node",
      cause: `${node} is ${version}, and npx needs Node ${leastNode} or newer to fetch Bun`,
      cure: `Install Node ${leastNode} or newer, or put it first on the PATH`,
    });
  if (needsPython && findPython(path) === undefined)
    findings.push({
      severity: "error",
      about: "Python",
      cause: `no Python ${leastPython} or newer with the venv module is on the PATH`,
      cure: "Install it; on Debian and Ubuntu: `apt install python3 python3-venv`",
    });
  return findings;
}

/** Programs that run on a Java that is too old. */
export function javaFindings(programs: Pick<ProgramState, "name" | "pid">[]): Finding[] {
  return programs.flatMap(({ name, pid }): Finding[] => {
    const java = orElse("", () => readlinkSync(`/proc/${pid}/exe`));
    if (!java.endsWith("/bin/java")) return [];
    const [, version = ""] = read(join(dirname(java), "..", "release")).match(/^JAVA_VERSION="(?:1\.)?([^"]+)"/m) ?? [];
    if (version === "" || Number.parseInt(version, 10) >= leastJava) return [];
    return [
      {
        severity: "error",
        about: "Java",
        cause: `${name} runs on Java ${version} (${java}), and needs ${leastJava}`,
        cure: "The stack brings its own: `bun run down && bun run up` starts it with that",
      },
    ];
  });
}

const read = (file: string) => orElse("", () => readFileSync(file, "utf8"));

function orElse<T>(otherwise: T, work: () => T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
