import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { airflowEnvironment } from "./airflow.ts";
import type { Command } from "./command-line.ts";
import { demo } from "./demo.ts";
import { StackError } from "./failure.ts";
import { environmentOf, type Instance, project } from "./instance.ts";
import { down, up } from "./lifecycle.ts";
import { removePostgresFolder } from "./postgres-files.ts";
import { openProgress } from "./progress.ts";
import { servicesOf } from "./services.ts";
import { wantNoSpark, wantSpark } from "./spark.ts";
import { submitSpark } from "./spark-submit.ts";
import { runSql } from "./sql.ts";
import { showStatus } from "./status.ts";
import { supervisorOf } from "./supervisor.ts";
import { quote } from "./supervisor-files.ts";

/** What the command line can do, by name. */
export const commands: Record<string, Command> = {
  up: {
    does: "Starts everything that is not running yet and waits until it answers.",
    options: { "--spark": "a standalone Spark cluster too" },
    async run(instance, args, stop) {
      if (args.includes("--spark")) wantSpark(instance);
      const progress = openProgress();
      await up(instance, { progress, stop }).finally(progress.end);
      return 0;
    },
  },

  down: {
    does: "Stops everything; the data stays.",
    async run(instance) {
      const progress = openProgress();
      await down(instance, progress).finally(progress.end);
      wantNoSpark(instance);
      return 0;
    },
  },

  demo: {
    does: "Starts everything, runs the DAG, shows the users at every hop and leaves it all running.",
    async run(instance, _, stop) {
      await demo(instance, stop);
      return 0;
    },
  },

  status: {
    does: "Shows what is running and whether it answers; exit code 1 where something does not.",
    run: async (instance) => ((await showStatus(instance)) ? 0 : 1),
  },

  logs: {
    does: "Shows the end of the log of a service, or of one of its programs.",
    takes: "SERVICE [OPTION OF tail]…",
    options: { "-f": "follows the log" },
    run: showLogs,
  },

  reset: {
    does: "Stops everything and deletes what it kept.",
    options: { "--yes": "asks no question" },
    run: reset,
  },

  env: {
    does: 'Prints where everything is, for `eval "$(bun run --silent env)"`.',
    async run(instance) {
      for (const [name, value] of Object.entries(environmentOf(instance)))
        console.log(`export ${name}=${quote(value)}`);
      return 0;
    },
  },

  airflow: {
    does: "Runs the real airflow command on this stack's Airflow.",
    hasOwnHelp: true,
    takes: "…",
    run: (instance, args) =>
      exec([instance.installed.tool("airflow"), ...args], instance, airflowEnvironment(instance)),
  },

  spark: {
    does: "Submits the streaming job to the stack's Spark cluster and stays until it ends.",
    takes: "[OPTION OF THE JOB]…",
    options: {
      "--available-now": "processes what is there now, then exits",
      "--cdc": "also applies Debezium's change events; docs/spark.md has all options",
    },
    run: submitSpark,
  },

  skip: {
    does: "Moves the consumer past a batch that cannot be read, whose bytes the dead-letter topic keeps.",
    takes: "TOPIC PARTITION OFFSET",
    options: { "--because REASON": "why nobody needs the records of this batch" },
    run: skip,
  },

  sql: {
    does: "Runs SQL on this stack's PostgreSQL, as the owner of created_users.",
    takes: "[SQL, or stdin]",
    options: { "--json": "one JSON object a row; else a table on a terminal, lines with tabs in a pipe" },
    run: runSql,
  },

  cqlsh: {
    does: "Runs the real cqlsh on this stack's Cassandra.",
    hasOwnHelp: true,
    takes: "…",
    run: (instance, args) =>
      exec([instance.installed.tool("cqlsh"), ...args, "127.0.0.1", String(instance.config.ports.cassandra)], instance),
  },
};

async function showLogs(instance: Instance, [service, ...options]: string[]): Promise<number> {
  const programs = servicesOf(instance).flatMap(({ name, programs }) =>
    programs(instance).map((program) => ({ service: name, program: program.name })),
  );
  const wanted = programs.filter((entry) => entry.service === service || entry.program === service);
  if (wanted.length === 0)
    throw new StackError(
      service ? `No such service: ${service}` : "Which service?",
      `Name one of: ${[...new Set(programs.flatMap((entry) => [entry.service, entry.program]))].join(", ")}.`,
    );
  const files = wanted
    .map(({ program }) => join(instance.folder, "logs", `${program}.log`))
    .filter((file) => existsSync(file));
  return exec(["tail", "-n", "100", ...options, ...files], instance);
}

/** A group's offsets can be moved only while it has no members, so the stack's own consumer is stopped meanwhile. */
async function skip(instance: Instance, args: string[]): Promise<number> {
  const supervisor = supervisorOf(instance);
  const runs = (await supervisor.isRunning())
    ? (await supervisor.states()).some(({ name, state }) => name === "consumer" && state === "RUNNING")
    : false;
  if (runs) await supervisor.stop("consumer");
  try {
    return await exec([process.execPath, join(project, "consumer", "skip.ts"), ...args], instance);
  } finally {
    if (runs) await supervisor.start("consumer");
  }
}

async function reset(instance: Instance, args: string[]): Promise<number> {
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
}

function exec(argv: string[], instance: Instance, settings = environmentOf(instance)): Promise<number> {
  const env = { ...instance.env, ...settings };
  return Bun.spawn(argv, { env, stdio: ["inherit", "inherit", "inherit"] }).exited;
}
