/** A program that says when its event loop blocks, for the given number of milliseconds or forever, and when it goes on. */
import { writeSync } from "node:fs";
import { watchLoop } from "../../runtime/watchdog.ts";

const blockedMs = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);
const watchdog = watchLoop("blocked-loop", 2_000);
process.on("SIGTERM", () => process.exit(0));
setTimeout(() => {
  watchdog.note({ topic: "users_created", partition: 2, offset: "17", lastOffset: "40" });
  writeSync(1, "blocks\n");
  const end = performance.now() + blockedMs;
  while (performance.now() < end);
  writeSync(1, "went on\n");
}, 1_000);
setInterval(() => {}, 1_000);
