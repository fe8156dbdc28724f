import Table from "cli-table3";
import ms from "ms";
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
  return rows.every(({ answers }) => answers);
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;
const yes = () => true;
const no = () => false;
