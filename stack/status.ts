import Table from "cli-table3";
import ms from "ms";
import { type CaptureState, captureState } from "./connector.ts";
import type { Instance } from "./instance.ts";
import { listProcesses, residentBytes } from "./processes.ts";
import { paint } from "./progress.ts";
import { servicesOf } from "./services.ts";
import { supervisorOf } from "./supervisor.ts";

/** Prints one line a program; true when everything runs and answers. */
export async function showStatus(instance: Instance): Promise<boolean> {
  const supervisor = supervisorOf(instance);
  const states = (await supervisor.isRunning()) ? await supervisor.states() : [];
  const processes = listProcesses();
  const rows = await Promise.all(
    servicesOf(instance).flatMap((service) =>
      service.programs(instance).map(async (program) => {
        const {
          state = "STOPPED",
          pid = 0,
          uptimeSeconds = 0,
        } = states.find(({ name }) => name === program.name) ?? {};
        const runs = state === "RUNNING";
        const answers = runs && (await (program.ready?.(instance) ?? Promise.resolve()).then(yes, no));
        const bytes = runs ? residentBytes(pid, processes) : 0;
        return {
          name: program.name,
          state,
          pid,
          uptimeSeconds,
          runs,
          answers,
          bytes,
          address: service.address(instance),
        };
      }),
    ),
  );
  const style = { head: [], border: [], compact: true };
  const table = new Table({ head: ["program", "state", "answers", "pid", "up", "memory", "address"], style });
  for (const { name, state, runs, answers, pid, uptimeSeconds, bytes, address } of rows)
    table.push([
      name,
      paint(runs ? "green" : "red", state.toLowerCase(), process.stdout),
      answers ? "yes" : paint("red", "no", process.stdout),
      runs ? pid : "",
      runs ? ms(uptimeSeconds * 1000) : "",
      runs ? megabytes(bytes) : "",
      address,
    ]);
  console.log(table.toString());
  console.log(`${megabytes(rows.reduce((sum, { bytes }) => sum + bytes, 0))} in all`);
  const capture = rows.some(({ name, runs }) => name === "connect" && runs) ? await captureState(instance) : undefined;
  if (capture) showCapture(capture);
  return rows.every(({ answers }) => answers) && !capture?.failure;
}

/** One line about change data capture, and what to do where it failed. */
export function showCapture({ connector, task, failure, slotLagBytes, topicLagRecords }: CaptureState): void {
  const bytes = slotLagBytes === null ? "no slot" : `slot ${slotLagBytes.toLocaleString("en")} bytes behind`;
  const records = topicLagRecords === null ? "lag unknown" : `${topicLagRecords.toLocaleString("en")} records to apply`;
  const color = task === "RUNNING" ? "green" : "red";
  const state = paint(color, `connector ${connector.toLowerCase()}, task ${task.toLowerCase()}`, process.stdout);
  console.log(`change capture: ${state}; ${bytes}; ${records}`);
  if (connector === "MISSING") console.log("  Register it: bun run demo, or the curl line of the README.");
  if (failure) console.log(`  ${failure.reason}\n  ${failure.remedy}`);
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;
const yes = () => true;
const no = () => false;
