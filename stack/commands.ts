import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { airflowEnvironment } from "./airflow.ts";
import { demo } from "./demo.ts";
import { StackError } from "./failure.ts";
import { environmentOf, type Instance } from "./instance.ts";
import { down, up } from "./lifecycle.ts";
import { removePostgresFolder } from "./postgres-files.ts";
import { openProgress } from "./progress.ts";
import { servicesOf } from "./services.ts";
import { wantNoSpark, wantSpark } from "./spark.ts";
import { submitSpark } from "./spark-submit.ts";
import { showStatus } from "./status.ts";
import { quote } from "./supervisor-files.ts";

/** Works on one stack with the rest of the command line; `stop` aborts on Ctrl-C. */
type Command = (instance: Instance, args: string[], stop: AbortSignal) => Promise<number>;

/** What the command line can do, by name. Each resolves with the exit code. */
export const commands: Record<string, Command> = {
  /** Starts everything that does not run yet and waits until it answers; with --spark a Spark cluster too. */
  async up(instance, args, stop) {
    if (args.includes("--spark")) wantSpark(instance);
    const progress = openProgress();
    await up(instance, { progress, stop }).finally(progress.end);
    return 0;
  },

  /** Stops everything; the data stays. */
  async down(instance) {
    const progress = openProgress();
    await down(instance, progress).finally(progress.end);
    wantNoSpark(instance);
    return 0;
  },

  /** Starts everything, runs the DAG and shows users at every hop. */
  async demo(instance, _, stop) {
    await demo(instance, stop);
    return 0;
  },

  /** Shows what runs and whether it answers; exit code 1 where something does not. */
  async status(instance) {
    return (await showStatus(instance)) ? 0 : 1;
  },

  /** Shows the end of a service's log; further arguments go to `tail` (-f follows). */
  async logs(instance, [service, ...options]) {
    const programs = servicesOf(instance).flatMap(({ name, programs }) =>
      programs(instance).map((program) => ({ service: name, program: program.name })),
    );
    const wanted = programs.filter((entry) => entry.service === service || entry.program === service);
    if (wanted.length === 0)
      throw new StackError(
        service ? `There is no service ${service}` : "Whose log?",
        `Say one of: ${[...new Set(programs.flatMap((entry) => [entry.service, entry.program]))].join(", ")}.`,
      );
    const files = wanted
      .map(({ program }) => join(instance.folder, "logs", `${program}.log`))
      .filter((file) => existsSync(file));
    return exec(["tail", "-n", "100", ...options, ...files], instance);
  },

  /** Stops everything and deletes what it kept. */
  async reset(instance, args) {
    const question = `Delete all data of the stack in ${instance.folder}?`;
    if (!args.includes("--yes") && (!process.stdin.isTTY || !confirm(question)))
      throw new StackError("Nothing was deleted", "Say yes, or call it with --yes.");
    await down(instance);
    wantNoSpark(instance);
    // Only what the stack made: STACK_DIR may by mistake name a folder that holds other things.
    for (const name of ["data", "logs", "run", "runs", "secrets.json"])
      rmSync(join(instance.folder, name), { recursive: true, force: true });
    removePostgresFolder(instance);
    return 0;
  },

  /** Prints where everything is, for `eval "$(bun run --silent env)"`. */
  async env(instance) {
    for (const [name, value] of Object.entries(environmentOf(instance))) console.log(`export ${name}=${quote(value)}`);
    return 0;
  },

  /** The real airflow command, on this stack's Airflow. */
  async airflow(instance, args) {
    return exec([instance.installed.tool("airflow"), ...args], instance, airflowEnvironment(instance));
  },

  /** Submits the streaming job to the stack's Spark cluster and stays until it ends; arguments are the job's own. */
  spark: submitSpark,

  /** The real cqlsh, on this stack's Cassandra. */
  async cqlsh(instance, args) {
    return exec(
      [instance.installed.tool("cqlsh"), ...args, "127.0.0.1", String(instance.config.ports.cassandra)],
      instance,
    );
  },
};

function exec(argv: string[], instance: Instance, settings = environmentOf(instance)): Promise<number> {
  const env = { ...instance.env, ...settings };
  return Bun.spawn(argv, { env, stdio: ["inherit", "inherit", "inherit"] }).exited;
}
