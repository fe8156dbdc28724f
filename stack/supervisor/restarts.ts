import type { ProgramState } from "./client.ts";

/**
 * Counts from one look at a program to the next how often it has ended since the first, whether the look fell on the
 * pause before supervisor started it anew or not.
 */
export function countEnds(): (look: Pick<ProgramState, "state" | "pid">) => number {
  let ends = 0;
  let pid = 0;
  let isDown = false;
  return (look) => {
    const down = look.state === "BACKOFF" || look.state === "EXITED" || look.state === "FATAL";
    if (down && !isDown) ends++;
    else if (!down && !isDown && pid !== 0 && look.pid !== pid) ends++;
    isDown = down;
    if (!down) pid = look.pid;
    return ends;
  };
}
