import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../runtime/until.ts";
import { startProgram } from "./program.ts";

/** A console of the test's own, on the stack in the environment. */
export interface StartedConsole {
  url: string;
  pid: number;
  /** Its log so far. */
  output: () => Promise<string>;
  close: () => Promise<void>;
}

export async function startConsole(env: Record<string, string> = {}): Promise<StartedConsole> {
  const port = freePort();
  const folder = mkdtempSync(join(tmpdir(), "console-"));
  const program = startProgram("console/main.ts", [], {
    ...(process.env as Record<string, string>),
    CONSOLE_PORT: String(port),
    CONSOLE_FOLDER: folder,
    CONSOLE_URL: `http://127.0.0.1:${port}`,
    ...env,
  });
  const url = `http://127.0.0.1:${port}`;
  await until("the console answers", async () => (await fetch(`${url}/healthz`)).ok);
  return {
    url,
    pid: program.pid,
    output: program.output,
    async close() {
      program.signal("SIGTERM");
      await program.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago. */
function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port as number;
}
