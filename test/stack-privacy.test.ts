// Runs in turn: it uses the stack's DAG.
import { beforeAll, expect, test } from "bun:test";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { openAirflow } from "../operations/airflow.ts";
import { loadConfig } from "../sources/config.ts";
import { openInstance } from "../stack/instance.ts";
import { clusterFolder } from "../stack/services/postgres-files.ts";
import { controlStack } from "./support/stack.ts";

const folder = process.env.STACK_DIR ?? "";

beforeAll(async () => {
  const airflow = await openAirflow();
  await airflow.unpause();
  const { dag_run_id } = await airflow.trigger({ users: 5 });
  expect((await airflow.ended(dag_run_id)).state).toBe("success");
});

test("only its owner can read the files of the stack: users, logs, passwords", async () => {
  const files = filesBelow(folder);
  const isOpen = (path: string) => ((lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
  // Spark's workers make their copy of the job's code executable for all; the folder that it is in is closed.
  const isJobCode = (path: string) => /^data\/spark\/work\/.+\.py$/.test(relative(folder, path));
  expect(files.filter((path) => isOpen(path) && !isJobCode(path)).map((path) => relative(folder, path))).toEqual([]);
  expect(isOpen(folder)).toBe(false);
  expect(isOpen(clusterFolder(await openInstance()))).toBe(false); // in another folder if root runs the stack

  const written = [
    "runs/",
    "logs/airflow/",
    "logs/consumer.log",
    "data/kafka/",
    "data/cassandra/",
    "run/",
    "secrets.json",
  ];
  for (const place of written) expect(files.some((path) => relative(folder, path).startsWith(place))).toBe(true);
});

test("no log has a password or key of the stack, so the console and bun run logs may show all of them", () => {
  const secrets = textsIn(JSON.parse(readFileSync(join(folder, "secrets.json"), "utf8"))).filter(
    ({ length }) => length >= 8,
  );
  expect(secrets.length).toBeGreaterThan(3);
  const logs = filesBelow(join(folder, "logs")).filter((path) => /\.log(\.\d)?$/.test(path));
  expect(logs.length).toBeGreaterThan(10);
  const telling = logs.filter((path) => {
    const text = readFileSync(path, "utf8");
    return secrets.some((secret) => text.includes(secret));
  });
  expect(telling.map((path) => relative(folder, path))).toEqual([]);
});

/** Every text in a JSON value. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

test("Cassandra listens only for CQL and other nodes, not for JMX, which would require no password", async () => {
  const { states } = await controlStack();
  const pid = (await states()).find(({ name }) => name === "cassandra")?.pid ?? 0;
  const { cassandra, cassandraStorage } = loadConfig().ports;
  expect(listeningPorts(pid).sort()).toEqual([cassandra, cassandraStorage].sort());
});

/** All files and folders, without symbolic links, which have no mode of their own, and without files that vanish. */
function filesBelow(path: string): string[] {
  return orEmpty(() => readdirSync(path, { withFileTypes: true })).flatMap((entry) => {
    const child = join(path, entry.name);
    if (entry.isSymbolicLink()) return [];
    return entry.isDirectory() ? [child, ...filesBelow(child)] : [child];
  });
}

/** The TCP ports that a process listens on, at any address. */
function listeningPorts(pid: number): number[] {
  const fds = readdirSync(`/proc/${pid}/fd`);
  const open = new Set(fds.flatMap((fd) => orEmpty(() => [readlinkSync(`/proc/${pid}/fd/${fd}`)])));
  const lines = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, "utf8").trim().split("\n").slice(1),
  );
  const listening = "0A";
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === listening && open.has(`socket:[${inode}]`))
    .map(([, local]) => Number.parseInt(local?.split(":").at(-1) ?? "", 16));
}

function orEmpty<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return []; // it has vanished
  }
}
