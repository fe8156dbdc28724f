import type { CaptureState } from "../../operations/connector.ts";
import { paint } from "../../runtime/progress.ts";

/** Prints the state of change data capture and, if it failed, the remedy. */
export function showCapture({ connector, task, failure, slotLagBytes, topicLagRecords }: CaptureState): void {
  const bytes = slotLagBytes === null ? "no slot" : `slot ${slotLagBytes.toLocaleString("en")} bytes behind`;
  const records = topicLagRecords === null ? "lag unknown" : `${topicLagRecords.toLocaleString("en")} records to apply`;
  const color = task === "RUNNING" ? "green" : "red";
  const state = paint(color, `connector ${connector.toLowerCase()}, task ${task.toLowerCase()}`, process.stdout);
  console.log(`change capture: ${state}; ${bytes}; ${records}`);
  if (connector === "MISSING") console.log("  Register it with `bun run demo`, or with the curl command in README.md.");
  if (failure) console.log(`  ${failure.reason}\n  ${failure.remedy}`);
}
