import { Worker } from "node:worker_threads";

/** How long the event loop may stand still, in milliseconds. Nothing that a program does takes a tenth of it. */
const defaultStallMs = 30_000;
const beatEveryMs = 1_000;
const maxNoteBytes = 1_024;

export interface Watchdog {
  /** Says what is about to be done, for the log line in case it never ends. Never personal data. */
  note(properties: Record<string, string | number>): void;
}

/**
 * Ends the process, with SIGKILL and a line in its log, once its event loop has stood still for `stallMs`: it then
 * answers nothing, not even SIGTERM, and whatever restarts the program has to know. A thread of its own does so, which
 * sleeps until a beat is missing.
 */
export function watchLoop(program: string, stallMs = defaultStallMs): Watchdog {
  const shared = new SharedArrayBuffer(8 + maxNoteBytes);
  const beat = new Int32Array(shared, 0, 2);
  const noted = new Uint8Array(shared, 8);
  // Its source, since a compiled program has no files to start a thread from.
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

/** The thread. It sees nothing of this file but its own text. */
function watch(require: (name: string) => never) {
  const { workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
  const { writeSync } = require("node:fs") as typeof import("node:fs");
  const { shared, program, stallMs } = workerData as { shared: SharedArrayBuffer; program: string; stallMs: number };
  const beat = new Int32Array(shared, 0, 2);
  for (;;) {
    const seen = Atomics.load(beat, 0);
    if (Atomics.wait(beat, 0, seen, stallMs) !== "timed-out") continue;
    // A machine that slept wakes up late for this too: the loop gets a moment to say that it runs.
    if (Atomics.wait(beat, 0, seen, Math.min(stallMs, 2_000)) !== "timed-out") continue;
    const note = Buffer.from(shared, 8, Atomics.load(beat, 1)).toString();
    const time = new Date().toISOString();
    writeSync(
      2,
      `time=${time} level=fatal logger=${program} msg="event loop stands still" stallMs=${stallMs}${note}\n`,
    );
    process.kill(process.pid, "SIGKILL"); // in a container that needs an init: process 1 cannot end itself so
  }
}
