/** A program whose event loop blocks after one second: for the given number of milliseconds, or forever. */
import { watchLoop } from "../../runtime/watchdog.ts";

const blockedMs = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);
const watchdog = watchLoop("blocked-loop", 2_000);
process.on("SIGTERM", () => process.exit(0));
setTimeout(() => {
  watchdog.note({ topic: "users_created", partition: 2, offset: "17", lastOffset: "40" });
  const end = performance.now() + blockedMs;
  while (performance.now() < end);
  console.log("went on");
}, 1_000);
setInterval(() => {}, 1_000);
