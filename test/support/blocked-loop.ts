/** A program whose event loop blocks after one second: forever by default, otherwise for 1.5 seconds. */
import { watchLoop } from "../../runtime/watchdog.ts";

const [blocked = "forever"] = process.argv.slice(2);
const watchdog = watchLoop("blocked-loop", 2_000);
process.on("SIGTERM", () => process.exit(0));
setTimeout(() => {
  watchdog.note({ topic: "users_created", partition: 2, offset: "17", lastOffset: "40" });
  const end = performance.now() + 1_500;
  while (blocked === "forever" || performance.now() < end);
  console.log("went on");
}, 1_000);
setInterval(() => {}, 1_000);
