import { afterAll, afterEach, beforeEach, setDefaultTimeout } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveSource } from "../../sources/embedded/serve.ts";
import { project } from "../../stack/instance.ts";

type Env = Record<string, string> & { stdin?: string };

/** Tasks run as in a shell, with the test file's own embedded source, each test in an empty folder. */
export function openTasks() {
  setDefaultTimeout(240_000); // each test starts several processes

  const source = serveSource({ host: "127.0.0.1", hosts: [], port: 0 });
  afterAll(() => source.stop(true));
  const url = `${source.url.origin}/api/1.4/`;

  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tasks-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const path = (name = "") => join(folder, name);

  const spawn = <In extends Blob | ReadableStream | "pipe">(
    line: string,
    stdin: In,
    env: Record<string, string> = {},
  ) =>
    Bun.spawn([process.execPath, join(project, "tasks/main.ts"), ...line.split(" ").filter(Boolean)], {
      cwd: folder,
      env: { PATH: process.env.PATH, EMBEDDED_SOURCE_URL: url, FETCH_TIMEOUT_MS: "5000", ...env },
      stdin,
      stdout: "pipe",
      stderr: "pipe",
    });
  const start = (line: string, { stdin = "", ...env }: Env = {}) => spawn(line, new Blob([stdin]), env);

  return {
    url,
    path,
    read: (name: string) => readFileSync(path(name), "utf8"),
    /** Starts a task with any stdin that Bun.spawn accepts. */
    spawn,
    /** Starts a task with text as stdin. */
    start,
    async run(line: string, env?: Env) {
      const task = start(line, env);
      const [stdout, stderr, code] = await Promise.all([
        new Response(task.stdout).text(),
        new Response(task.stderr).text(),
        task.exited,
      ]);
      return { stdout, stderr, code };
    },
  };
}

/** The JSON in the last line of an output; for a successful task, its counts. */
export const lastLine = (text: string) => JSON.parse(text.trimEnd().split("\n").at(-1)!);
