import { join } from "node:path";
import { sumOf } from "../operations/prometheus.ts";

/** Result of one drain; the names are those that the peers print. */
export interface Figures {
  rows: number;
  seconds: number;
  /** User and system time of the process while it drained. */
  cpu_seconds: number;
  /** Peak resident memory. */
  peak_bytes: number;
}

/** Starts `consumer/main.ts` and resolves once it logs the URL of its metrics. */
export async function startConsumer(env: Record<string, string>) {
  const consumer = Bun.spawn([process.execPath, "consumer/main.ts"], {
    cwd: join(import.meta.dir, ".."),
    env: { ...env, LOG_LEVEL: "info" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const metrics = await metricsOf(consumer.stderr);
  const sample = async () => {
    const text = await (await fetch(metrics)).text();
    return {
      at: performance.now(),
      rows: sumOf(text, "consumer_records_total", { outcome: "stored" }),
      cpu: sumOf(text, "process_cpu_seconds_total"),
      bytes: sumOf(text, "process_resident_memory_bytes"),
    };
  };
  return {
    /** Rows stored and resources used so far; `at` is a `performance.now()` time. */
    sample,
    /** From the first sample with rows to the last; rows in that first sample are not counted. */
    async drained(rows: number): Promise<Figures> {
      let now = await sample();
      let begin = now;
      let peak = 0;
      while (now.rows < rows) {
        await Bun.sleep(begin.rows === 0 ? 10 : 100);
        now = await sample();
        if (begin.rows === 0) begin = now;
        peak = Math.max(peak, now.bytes);
      }
      return {
        rows: now.rows - begin.rows,
        seconds: (now.at - begin.at) / 1_000,
        cpu_seconds: now.cpu - begin.cpu,
        peak_bytes: peak,
      };
    },
    async stop() {
      consumer.kill("SIGTERM");
      await consumer.exited;
    },
  };
}

/** Reads the log until it names the metrics URL, then keeps draining the pipe. */
async function metricsOf(log: ReadableStream<Uint8Array>): Promise<URL> {
  const listening = Promise.withResolvers<URL>();
  const read = async () => {
    let text = "";
    for await (const chunk of log) {
      text = (text + new TextDecoder().decode(chunk)).slice(-10_000);
      const [, url] = /msg=listening url=(\S+)/.exec(text) ?? [];
      if (url) listening.resolve(new URL("/metrics", url));
    }
    listening.reject(new Error(`the consumer exited before it was listening:\n${text}`));
  };
  read().catch(listening.reject);
  return listening.promise;
}

/** Parses a peer's output. */
export async function json(peer: Bun.Subprocess<"ignore", "pipe", "inherit" | "ignore">): Promise<Figures> {
  const text = await new Response(peer.stdout).text();
  if ((await peer.exited) !== 0) throw new Error(`a peer exited with code ${peer.exitCode}`);
  return JSON.parse(text);
}
