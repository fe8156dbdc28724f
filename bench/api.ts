/**
 * Reads by id, this API beside Flask with gunicorn: the same table, the same rows, one after the other in rounds, so
 * that both see the same machine. What counts is the server's own CPU time for a request, which the load beside it does
 * not change. `bun bench/api.ts` on a running stack; `bun bench/api.ts load URL IDS SECONDS` is the load's own process.
 */
import { join } from "node:path";
import { types } from "cassandra-driver";
import Table from "cli-table3";
import { validUsers } from "../contract/samples.ts";
import { rowOf, upsertCql } from "../contract/tables.ts";
import { createTable, openCassandra } from "../runtime/cassandra.ts";
import { loadConfig } from "../runtime/config.ts";
import { install } from "../stack/install.ts";
import { measureTree } from "./process-tree.ts";

const rows = 10_000;
const warmUpSeconds = 3;
const roundSeconds = 5;
const rounds = 3;
const inFlight = 32;

interface Contestant {
  name: string;
  url: string;
  pid: number;
  requests: number;
  cpuSeconds: number;
  residentBytes: number;
  latenciesMs: number[];
}

interface Load {
  requests: number;
  failures: number;
  latenciesMs: number[];
}

async function main() {
  const keyspace = "bench_api";
  const env = { ...(process.env as Record<string, string>), CASSANDRA_KEYSPACE: keyspace, LOG_LEVEL: "error" };
  const config = loadConfig(env);
  const client = openCassandra(config, "bench");
  await createTable(client, config);
  const ids = Array.from({ length: rows }, () => crypto.randomUUID() as string);
  const rachel = validUsers[0]!;
  for (let i = 0; i < ids.length; i += 500)
    await Promise.all(
      ids
        .slice(i, i + 500)
        .map((id) =>
          client.execute(upsertCql(keyspace), [...rowOf({ ...rachel, id }), types.Long.fromNumber(Date.now() * 1_000)]),
        ),
    );
  const idFile = join(process.env.TMPDIR ?? "/tmp", `bench-api-ids-${process.pid}`);
  await Bun.write(idFile, ids.join("\n"));

  const { tool } = await install();
  const [apiPort, flaskPort] = [freePort(), freePort()];
  const serve = (argv: string[], more: Record<string, string>) =>
    Bun.spawn(argv, {
      cwd: join(import.meta.dir, ".."),
      env: { ...env, ...more },
      stdio: ["ignore", "inherit", "inherit"],
    });
  const flaskFolder = join(import.meta.dir, "peers", "flask_api");
  const cassandra = { CASSANDRA_CONTACT_POINTS: config.cassandra.contactPoints[0]! };
  const api = serve([process.execPath, "api/main.ts"], { API_PORT: String(apiPort) });
  const flask = serve(
    [tool("gunicorn"), "--chdir", flaskFolder, "--bind", `127.0.0.1:${flaskPort}`, "--log-level", "warning"].concat([
      "--workers",
      "2",
      "--worker-class",
      "gthread",
      "--threads",
      "8",
      "--keep-alive",
      "75",
      "app:app",
    ]),
    cassandra,
  );
  try {
    const contestants: Contestant[] = [
      contestant("this API: Hono on Bun", apiPort, api.pid),
      contestant("Flask with gunicorn", flaskPort, flask.pid),
    ];
    for (const { url } of contestants) await answers(`${url}/get-user/${ids[0]}`);
    await sameAnswer(contestants, ids[0]!);
    for (const { url } of contestants) await load(url, idFile, warmUpSeconds);
    for (let round = 1; round <= rounds; round++)
      for (const one of contestants) {
        const before = measureTree(one.pid);
        const { requests, failures, latenciesMs } = await load(one.url, idFile, roundSeconds);
        const after = measureTree(one.pid);
        if (failures > 0) throw new Error(`${one.name}: ${failures} of ${requests} requests failed`);
        one.requests += requests;
        one.cpuSeconds += after.cpuSeconds - before.cpuSeconds;
        one.residentBytes = after.residentBytes;
        one.latenciesMs.push(...latenciesMs);
        console.error(`round ${round}: ${one.name}, ${requests} requests`);
      }
    print(contestants);
  } finally {
    api.kill();
    flask.kill();
    await Promise.all([api.exited, flask.exited]);
    await client.execute(`DROP KEYSPACE ${keyspace}`, [], { prepare: false });
    await client.shutdown();
    await Bun.file(idFile).delete();
  }
}

const contestant = (name: string, port: number, pid: number): Contestant => ({
  name,
  url: `http://127.0.0.1:${port}`,
  pid,
  requests: 0,
  cpuSeconds: 0,
  residentBytes: 0,
  latenciesMs: [],
});

function print(contestants: Contestant[]) {
  const table = new Table({
    head: [
      "read by id",
      "requests/s",
      "CPU µs a request",
      "p50 ms",
      "p99 ms",
      "MB resident",
      "requests per CPU second",
    ],
    style: { head: [], border: [] },
  });
  for (const { name, requests, cpuSeconds, residentBytes, latenciesMs } of contestants) {
    latenciesMs.sort((a, b) => a - b);
    const quantile = (part: number) => latenciesMs[Math.floor(latenciesMs.length * part)]!.toFixed(1);
    const figures = [
      requests / rounds / roundSeconds,
      (cpuSeconds / requests) * 1e6,
      quantile(0.5),
      quantile(0.99),
      residentBytes / 1e6,
      requests / cpuSeconds,
    ];
    table.push([name, ...figures.map((figure) => (typeof figure === "number" ? Math.round(figure) : figure))]);
  }
  console.log(table.toString());
  const [api, flask] = contestants.map(({ requests, cpuSeconds }) => requests / cpuSeconds) as [number, number];
  console.log(`requests per CPU second: ${(api / flask).toFixed(1)} times those of Flask with gunicorn`);
}

/** Both must do the same work: the same status and the same fields. */
async function sameAnswer(contestants: Contestant[], id: string) {
  const bodies = await Promise.all(contestants.map(async ({ url }) => (await fetch(`${url}/get-user/${id}`)).json()));
  if (!Bun.deepEquals(bodies[0], bodies[1])) throw new Error(`the answers differ: ${JSON.stringify(bodies)}`);
}

async function answers(url: string) {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await Bun.sleep(200);
  }
  throw new Error(`${url} does not answer within 30 seconds`);
}

async function load(url: string, idFile: string, seconds: number): Promise<Load> {
  const argv = [process.execPath, import.meta.path, "load", url, idFile, String(seconds)];
  const process_ = Bun.spawn(argv, { stdio: ["ignore", "pipe", "inherit"] });
  const result = await new Response(process_.stdout).json();
  return result as Load;
}

/** Sends reads of random ids for so many seconds, `inFlight` at a time, over connections that stay open. */
async function generate(url: string, idFile: string, seconds: number): Promise<Load> {
  const ids = (await Bun.file(idFile).text()).split("\n");
  const result: Load = { requests: 0, failures: 0, latenciesMs: [] };
  const end = performance.now() + seconds * 1_000;
  const worker = async () => {
    for (let now = performance.now(); now < end; now = performance.now()) {
      const response = await fetch(`${url}/get-user/${ids[Math.floor(Math.random() * ids.length)]}`);
      await response.arrayBuffer();
      result.requests++;
      if (response.status !== 200) result.failures++;
      result.latenciesMs.push(performance.now() - now);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return result;
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

const [command, url, idFile, seconds] = process.argv.slice(2);
if (command === "load") console.log(JSON.stringify(await generate(url!, idFile!, Number(seconds))));
else await main();
process.exit(0);
