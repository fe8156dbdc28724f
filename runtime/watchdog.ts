import { Worker } from "node:worker_threads";

/** How long the event loop may be blocked, in milliseconds: more than ten times what any work takes. */
const defaultStallMs = 30_000;
const beatEveryMs = 1_000;
const maxNoteBytes = 1_024;

export interface Watchdog {
  /** Records what is about to be done, for the log line if it never ends. Never personal data. */
  note(properties: Record<string, string | number>): void;
}

/**
 * Kills the process with SIGKILL, after a log line, once its event loop has been blocked for `stallMs`: a blocked
 * process does not respond to anything, not even SIGTERM, and must exit to be restarted. This runs in a separate
 * thread, which sleeps until a beat is missing. It does nothing under a debugger, whose breakpoints block the loop.
 */
export function watchLoop(program: string, stallMs = defaultStallMs): Watchdog {
  if (isDebugged()) return { note() {} };
  const shared = new SharedArrayBuffer(8 + maxNoteBytes);
  const beat = new Int32Array(shared, 0, 2);
  const noted = new Uint8Array(shared, 8);
  // Started from source text, since a compiled program has no file to start a thread from.
  const worker = new Worker(`(${watch})(require)`, { eval: true, workerData: { shared, program, stallMs } });
  worker.unref();
  setInterval(() => {
    Atomics.add(beat, 0, 1);
    Atomics.notify(beat, 0);
  }, beatEveryMs).unref();

  const encoder = new TextEncoder();
  return {
    note(properties) {
      const text = Object.entries(properties).map(([name, value]) => ` ${name}=${value}`);
      Atomics.store(beat, 1, encoder.encodeInto(text.join(""), noted).written);
    },
  };
}

/** Whether the process was started with `bun --inspect…` or by an editor, which sets the variable instead. */
const isDebugged = () =>
  Boolean(process.env.BUN_INSPECT) || process.execArgv.some((arg) => arg.startsWith("--inspect"));

/** Runs in the thread, so it cannot use anything else in this file. */
function watch(require: (name: string) => never) {
  const { workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
  const { writeSync } = require("node:fs") as typeof import("node:fs");
  const { shared, program, stallMs } = workerData as { shared: SharedArrayBuffer; program: string; stallMs: number };
  const beat = new Int32Array(shared, 0, 2);
  for (;;) {
    const seen = Atomics.load(beat, 0);
    if (Atomics.wait(beat, 0, seen, stallMs) !== "timed-out") continue;
    // After the machine was suspended the wait has timed out as well: give the loop a moment to send a beat.
    if (Atomics.wait(beat, 0, seen, Math.min(stallMs, 2_000)) !== "timed-out") continue;
    const note = Buffer.from(shared, 8, Atomics.load(beat, 1)).toString();
    const time = new Date().toISOString();
    writeSync(2, `time=${time} level=fatal logger=${program} msg="event loop blocked" stallMs=${stallMs}${note}\n`);
    process.kill(process.pid, "SIGKILL"); // a container needs an init for this: process 1 cannot kill itself
  }
}
