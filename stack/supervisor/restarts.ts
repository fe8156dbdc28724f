import type { ProgramState } from "../../operations/supervisor/programs.ts";

/**
 * Counts a program's exits from successive samples of its state. An exit shows either as a down state or, if supervisor
 * restarted the program between two samples, as a new pid.
 */
export function countExits(): (sample: Pick<ProgramState, "state" | "pid">) => number {
  let exits = 0;
  let pid = 0;
  let isDown = false;
  return (sample) => {
    const down = sample.state === "BACKOFF" || sample.state === "EXITED" || sample.state === "FATAL";
    if (down && !isDown) exits++;
    else if (!down && !isDown && pid !== 0 && sample.pid !== pid) exits++;
    isDown = down;
    if (!down) pid = sample.pid;
    return exits;
  };
}
