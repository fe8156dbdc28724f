/**
 * Reads by id: this API against Flask with gunicorn, on the same table and rows, in alternating rounds so that all run
 * under the same conditions. The measure is the server's CPU time per request, which the load generator beside it does
 * not affect. Then edits: what the topic of edits costs, with `api.log` on and off in alternating rounds.
 * `bun bench/api.ts` needs a running stack; `bun bench/api.ts edits` only measures the edits.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { types } from "cassandra-driver";
import Table from "cli-table3";
import { validUsers } from "../contract/samples.ts";
import { rowOf, upsertCql } from "../contract/tables.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";
import { install } from "../stack/install/install.ts";
import { freePort } from "../test/support/free-port.ts";
import type { Load } from "./api-load.ts";
import { measureTree } from "./process-tree.ts";
import { quantile } from "./quantile.ts";

const rows = 10_000;
const rounds = 3;
/** Servers are compared in steady state, after JIT compilation. */
const warmUp = { seconds: 3, requests: 15_000 };
const round = { seconds: 5, requests: 5_000 };

/** Edits: one at a time, which shows what one costs, and many. */
const editRounds = [
  { inFlight: 1, seconds: 3, requests: 300 },
  { inFlight: 32, seconds: 3, requests: 1_000 },
];

const keyspace = "bench_api";
const editTopic = "bench_api.edited";
const env = {
  ...(process.env as Record<string, string>),
  CASSANDRA_KEYSPACE: keyspace,
  KAFKA_EDIT_TOPIC: editTopic,
  LOG_LEVEL: "error",
};
const config = loadConfig(env);

/** A server under test, and its totals so far. */
interface Candidate {
  name: string;
  url: string;
  server: Bun.Subprocess;
  requests: number;
  seconds: number;
  cpuSeconds: number;
  residentBytes: number;
  latenciesMs: number[];
}

async function main() {
  const client = openCassandra(config, "bench");
  const idFile = join(tmpdir(), `bench-api-ids-${process.pid}`);
  try {
    await migrateCassandra(client, config, { apply: true });
    const ids = await fillTable((cql, parameters) => client.execute(cql, parameters));
    await Bun.write(idFile, ids.join("\n"));
    if (process.argv[2] !== "edits") await withServers(startServers, (servers) => raceReads(servers, idFile, ids[0]!));
    await withServers(startApis, (servers) => raceEdits(servers, idFile, ids[0]!));
  } finally {
    await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { prepare: false });
    await client.shutdown();
    await Bun.file(idFile).delete();
    await deleteTopic();
  }
}

async function withServers(startAll: () => Promise<Candidate[]>, use: (candidates: Candidate[]) => Promise<void>) {
  const candidates = await startAll();
  try {
    await use(candidates);
  } finally {
    for (const { server } of candidates) server.kill();
    await Promise.all(candidates.map(({ server }) => server.exited));
  }
}

async function raceReads(candidates: Candidate[], idFile: string, anyId: string) {
  await expectSameResponse(candidates, anyId);
  for (const one of candidates) await load(one, idFile, warmUp);
  for (let turn = 1; turn <= rounds; turn++) for (const one of candidates) await measure(one, idFile, round);
  print(candidates);
}

/** The same API twice: each write is a record and a row, or a row. */
const startApis = async () => [
  start("api.log true", () => [process.execPath, "api/main.ts"]),
  start("api.log false", () => [process.execPath, "api/main.ts"], { API_LOG: "false" }),
];

async function raceEdits(candidates: Candidate[], idFile: string, anyId: string) {
  await expectSameResponse(candidates, anyId);
  for (const one of candidates) await load(one, idFile, { ...warmUp, requests: 3_000, kind: "edit" });
  for (const each of editRounds) {
    const measured = candidates.map((one) => ({ ...one, requests: 0, seconds: 0, cpuSeconds: 0, latenciesMs: [] }));
    for (let turn = 1; turn <= rounds; turn++)
      for (const one of measured) await measure(one, idFile, { ...each, kind: "edit" });
    printEdits(measured, each.inFlight);
  }
}

async function deleteTopic() {
  const admin = openKafka(config, "bench", openLog("bench", "error")).admin();
  await admin.connect();
  if ((await admin.listTopics()).includes(editTopic)) await admin.deleteTopics({ topics: [editTopic] });
  await admin.disconnect();
}

/** Flask as `gunicorn app:app` runs it, and tuned: with threads and keep-alive. */
async function startServers(): Promise<Candidate[]> {
  const { tool } = await install();
  const flask =
    (...options: string[]) =>
    (port: number) => [
      ...[tool("gunicorn"), "--chdir", join(import.meta.dir, "peers", "flask_api"), "--bind", `127.0.0.1:${port}`],
      ...["--log-level", "warning", "--workers", "2", ...options, "app:app"],
    ];
  return [
    start("this API", () => [process.execPath, "api/main.ts"]),
    start("Flask, gunicorn's defaults", flask()),
    start("Flask, gthread and keep-alive", flask("--worker-class", "gthread", "--threads", "8", "--keep-alive", "75")),
  ];
}

function start(name: string, argv: (port: number) => string[], more = {}): Candidate {
  const port = freePort();
  const server = Bun.spawn(argv(port), {
    cwd: join(import.meta.dir, ".."),
    env: {
      ...env,
      API_PORT: String(port),
      CASSANDRA_CONTACT_POINTS: config.cassandra.contactPoints.join(","),
      ...more,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  return { name, url, server, requests: 0, seconds: 0, cpuSeconds: 0, residentBytes: 0, latenciesMs: [] };
}

async function fillTable(execute: (cql: string, parameters: unknown[]) => Promise<unknown>): Promise<string[]> {
  const ids = Array.from({ length: rows }, () => crypto.randomUUID() as string);
  const time = types.Long.fromNumber(Date.now() * 1_000);
  const write = (id: string) => execute(upsertCql(keyspace), [...rowOf({ ...validUsers[0]!, id }), time]);
  for (let i = 0; i < ids.length; i += 500) await Promise.all(ids.slice(i, i + 500).map(write));
  return ids;
}

/** Checks that all do the same work: the same fields with the same values. */
async function expectSameResponse(candidates: Candidate[], id: string) {
  const bodies = await Promise.all(candidates.map(({ url }) => firstResponse(`${url}/get-user/${id}`)));
  if (!bodies.every((body) => Bun.deepEquals(body, bodies[0])))
    throw new Error(`the responses differ:\n${bodies.map((body) => JSON.stringify(body)).join("\n")}`);
}

async function firstResponse(url: string): Promise<unknown> {
  const respond = async () => {
    const response = await fetch(url);
    return response.ok && { body: await response.json() };
  };
  return (await until(`${url} responds`, respond, { withinMs: 30_000 })).body;
}

async function measure(one: Candidate, idFile: string, work: Work) {
  const before = measureTree(one.server.pid);
  const beganMs = performance.now();
  const { requests, failures, latenciesMs } = await load(one, idFile, work);
  const after = measureTree(one.server.pid);
  one.seconds += (performance.now() - beganMs) / 1_000;
  if (failures > 0) throw new Error(`${one.name}: ${failures} of ${requests} requests failed`);
  one.requests += requests;
  one.cpuSeconds += after.cpuSeconds - before.cpuSeconds;
  one.residentBytes = after.residentBytes;
  for (const latency of latenciesMs) one.latenciesMs.push(latency);
}

interface Work {
  kind?: "read" | "edit";
  seconds: number;
  requests: number;
  inFlight?: number;
}

async function load({ url }: Candidate, idFile: string, work: Work): Promise<Load> {
  const { kind = "read", seconds, requests, inFlight = 32 } = work;
  const argv = [kind, url, idFile, ...[seconds, requests, inFlight].map(String)];
  const generator = Bun.spawn([process.execPath, join(import.meta.dir, "api-load.ts"), ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return (await new Response(generator.stdout).json()) as Load;
}

function print(candidates: Candidate[]) {
  const table = new Table({
    head: ["read by id", "requests/s", "CPU µs/request", "p50 ms", "p99 ms", "MB", "requests/CPU s", "ratio"],
    style: { head: [], border: [] },
  });
  const perCpuSecond = candidates.map(({ requests, cpuSeconds }) => requests / cpuSeconds);
  for (const [index, { name, requests, seconds, cpuSeconds, residentBytes, latenciesMs }] of candidates.entries()) {
    latenciesMs.sort((a, b) => a - b);
    table.push([
      name,
      Math.round(requests / seconds),
      Math.round((cpuSeconds / requests) * 1e6),
      quantile(latenciesMs, 0.5).toFixed(1),
      quantile(latenciesMs, 0.99).toFixed(1),
      Math.round(residentBytes / 1e6),
      Math.round(perCpuSecond[index]!),
      index === 0 ? "" : `${(perCpuSecond[0]! / perCpuSecond[index]!).toFixed(1)} ×`,
    ]);
  }
  console.log(table.toString());
  console.log("ratio: this API's requests per CPU second over the other server's");
}

function printEdits(candidates: Candidate[], inFlight: number) {
  const table = new Table({
    head: [`edit by id, ${inFlight} at a time`, "requests/s", "CPU µs/request", "p50 ms", "p99 ms", "MB"],
    style: { head: [], border: [] },
  });
  const medians = candidates.map(({ latenciesMs }) =>
    quantile(
      latenciesMs.sort((a, b) => a - b),
      0.5,
    ),
  );
  for (const [index, { name, requests, seconds, cpuSeconds, residentBytes, latenciesMs }] of candidates.entries())
    table.push([
      name,
      Math.round(requests / seconds),
      Math.round((cpuSeconds / requests) * 1e6),
      medians[index]!.toFixed(2),
      quantile(latenciesMs, 0.99).toFixed(2),
      Math.round(residentBytes / 1e6),
    ]);
  console.log(table.toString());
  console.log(`the record adds ${(medians[0]! - medians[1]!).toFixed(2)} ms at the median`);
}

await main();
process.exit(0);
