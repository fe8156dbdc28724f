import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../runtime/until.ts";
import { freePort } from "./free-port.ts";
import { startProgram } from "./program.ts";

/** A console of the test's own, on the stack in the environment. */
export interface StartedConsole {
  url: string;
  pid: number;
  /** Its log so far. */
  output: () => Promise<string>;
  close: () => Promise<void>;
}

/** `env` is what the test wants otherwise, or a whole environment (`namesOf`), which has the port of the stack's console. */
export async function startConsole(env: Record<string, string> = {}): Promise<StartedConsole> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "console-"));
  const program = startProgram("console/main.ts", [], {
    ...(process.env as Record<string, string>),
    CONSOLE_PORT: String(port),
    CONSOLE_FOLDER: folder,
    CONSOLE_URL: url,
    ...Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== process.env[name])),
  });
  async function close() {
    program.signal("SIGTERM");
    await program.exited;
    rmSync(folder, { recursive: true, force: true });
  }
  const ended = new AbortController();
  void program.exited.then(async (code) =>
    ended.abort(new Error(`the console has exited with ${code}: ${await program.output()}`)),
  );
  try {
    const answers = async () => (await fetch(`${url}/healthz`)).ok;
    await until("the console answers", answers, { stop: ended.signal });
  } catch (error) {
    await close();
    throw error;
  }
  return { url, pid: program.pid, output: program.output, close };
}
