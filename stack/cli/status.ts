import Table from "cli-table3";
import ms from "ms";
import { openStackPrograms } from "../../operations/stack-programs.ts";
import { paint } from "../../runtime/progress.ts";
import { captureOf } from "../change-capture.ts";
import { diagnosisOf } from "../diagnosis.ts";
import type { Instance } from "../instance.ts";
import { servicesOf } from "../services/catalogue.ts";
import type { Command } from "./command-line.ts";
import { showCapture } from "./show-capture.ts";

export const status: Command = {
  summary: "Show the state of every service; exit with 1 unless all are ready",
  async run(instance) {
    const [rows, diagnosis] = await Promise.all([programRows(instance), diagnosisOf(instance)]);
    printPrograms(rows);
    const runsConnect = rows.some(({ name, isRunning }) => name === "connect" && isRunning);
    const capture = runsConnect ? await captureOf(instance) : undefined;
    if (capture) showCapture(capture);
    if (diagnosis) console.log(diagnosis);
    return rows.every(({ isReady }) => isReady) && !capture?.failure ? 0 : 1;
  },
};

interface ProgramRow {
  name: string;
  /** supervisor's name for it. */
  state: string;
  isRunning: boolean;
  /** Whether it passes its readiness check. */
  isReady: boolean;
  pid: number;
  uptimeSeconds: number;
  bytes: number;
  /** How often it was started again after it had exited by itself, since the stack was started. */
  restarts: string;
  address: string;
}

async function programRows(instance: Instance): Promise<ProgramRow[]> {
  const { programs = [], countsAll = true } = (await openStackPrograms(instance.folder)()) ?? {};
  return Promise.all(
    servicesOf(instance).flatMap((service) =>
      service.programs(instance).map(async ({ name, ready, address = service.address(instance) }) => {
        const found = programs.find((program) => program.name === name);
        const { state = "STOPPED", pid = 0, uptimeSeconds = 0, bytes = 0, restarts } = found ?? {};
        const isRunning = state === "RUNNING";
        const isReady = isRunning && (await (ready?.(instance) ?? Promise.resolve()).then(yes, no));
        return {
          name,
          state,
          isRunning,
          isReady,
          pid,
          uptimeSeconds,
          bytes,
          restarts: `${countsAll ? "" : "≥ "}${restarts?.count ?? 0}`,
          address,
        };
      }),
    ),
  );
}

function printPrograms(rows: ProgramRow[]) {
  const style = { head: [], border: [], compact: true };
  const table = new Table({ head: ["program", "state", "ready", "pid", "up", "restarts", "memory", "address"], style });
  for (const { name, state, isRunning, isReady, pid, uptimeSeconds, restarts, bytes, address } of rows)
    table.push([
      name,
      paint(isRunning ? "green" : "red", state.toLowerCase(), process.stdout),
      isReady ? "yes" : paint("red", "no", process.stdout),
      isRunning ? pid : "",
      isRunning ? ms(uptimeSeconds * 1000) : "",
      restarts,
      isRunning ? megabytes(bytes) : "",
      address,
    ]);
  console.log(table.toString());
  console.log(`${megabytes(rows.reduce((sum, { bytes }) => sum + bytes, 0))} in total`);
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;
const yes = () => true;
const no = () => false;
