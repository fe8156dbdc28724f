/**
 * `bun run test`: the check, the unit tests, the Python tests, and the tests on the real services, on a stack of its own
 * that is always stopped at the end. `bun run test FILE…` runs only these files on such a stack, `bun run test:secure` the
 * main path on a secure one.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { install } from "../stack/install/install.ts";
import { project } from "../stack/instance.ts";
import { runChecks } from "./check.ts";
import { sumOf, type Tally } from "./support/junit.ts";
import { type Job, runInLanes } from "./support/lanes.ts";
import { type OwnStack, openOwnStack } from "./support/own-stack.ts";
import { bunTest, runTests } from "./support/run-tests.ts";
import { type Company, companyOf, serviceTests, unitFolders } from "./support/test-files.ts";

/** How long one test process may take: several times what it needs, for a machine that is busy with something else. */
const withinMs = 20 * 60_000;

/**
 * What `--secure` runs: the way from the source to the tables by all engines, change data capture, and the consumer's
 * faults. Tests are the stack's `admin`; the programs that they start log in as themselves.
 */
const mainPath = [
  "test/pipeline.test.ts",
  "test/cdc.test.ts",
  "test/conformance.test.ts",
  "test/faults/consumer-killed.test.ts",
  "test/faults/consumer-poison.test.ts",
  "test/faults/consumer-services-away.test.ts",
].filter((file) => existsSync(join(project, file)));

async function main(wanted: string[], { isSecure }: { isSecure: boolean }, stop: AbortSignal): Promise<Tally> {
  const stack = await openOwnStack({ isSecure });
  const reports = join(stack.folder, "reports");
  const tallies: Tally[] = [];
  try {
    const files = wanted.length > 0 ? wanted : serviceTests();
    const jobsOf = (company: Company) => files.filter((file) => companyOf(file) === company).map(serviceTest);
    const withoutServices: Job[] = [];
    if (wanted.length === 0) {
      heading("check");
      tallies.push(await checks());
      for (const tests of [unitTests, pythonTests]) withoutServices.push(jobOf(() => tests(stack, reports, stop)));
    }
    heading(wanted.length > 0 ? "tests on the real services" : "unit tests, Python tests, tests on the real services");
    await build();
    const [alone, inTurn, besideOthers] = [jobsOf("alone"), jobsOf("in turn"), jobsOf("beside others")];
    const sharesStack = alone.length + inTurn.length + besideOthers.length > 0;
    const startStack = async () => (sharesStack ? stack.up(stop) : undefined); // again, for what a failed test left stopped
    await runInLanes([[startStack, ...alone]], [withoutServices, jobsOf("on its own stack")]);
    await startStack();
    await runInLanes([inTurn, besideOthers], [besideOthers]);
  } catch (error) {
    tallies.push({ passed: 0, failed: 1, failures: [failureOf(error, stop)] });
  } finally {
    await stack.down();
  }

  const total = sumOf(tallies);
  if (total.failed === 0) stack.remove();
  else console.log(`\nlogs and data of this run's stack: ${stack.folder}`);
  return total;

  function jobOf(run: () => Promise<Tally>): Job {
    return async () => {
      stop.throwIfAborted();
      tallies.push(await run());
    };
  }

  function serviceTest(file: string): Job {
    return jobOf(async () => {
      if (["alone", "in turn"].includes(companyOf(file))) await stack.up(stop); // what a failed test left stopped
      const report = join(reports, `${file.replaceAll("/", "-")}.xml`);
      const argv = bunTest([`./${file}`], report);
      return runTests({ name: file, argv, report, env: stack.environment, withinMs }, stop);
    });
  }
}

/** Builds the tasks' binary, which Airflow runs. If outdated, it is replaced atomically: a demo may be using it. */
async function build() {
  const building = Bun.spawn([process.execPath, "tasks/build.ts"], {
    cwd: project,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await building.exited) !== 0)
    throw new Error("building the tasks' binary failed; the output above has the reason");
}

async function checks(): Promise<Tally> {
  const results = await runChecks();
  const failures = results.filter(({ passed }) => !passed).map(({ name }) => `check: ${name}`);
  return { passed: results.length - failures.length, failed: failures.length, failures };
}

function unitTests({ environment: env }: OwnStack, reports: string, stop: AbortSignal): Promise<Tally> {
  const report = join(reports, "unit.xml");
  const folders = unitFolders().map((folder) => `./${folder}/`);
  return runTests({ name: "unit tests", argv: bunTest(folders, report), report, env, withinMs }, stop);
}

/** pytest in the stack's Python. Files that Airflow creates on import go to the stack's folder, not to the home folder. */
async function pythonTests({ folder }: OwnStack, reports: string, stop: AbortSignal): Promise<Tally> {
  const { python } = await install();
  const report = join(reports, "python.xml");
  const folders = ["dags", "plugins", "spark", "stack"];
  const argv = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", `--junitxml=${report}`, ...folders];
  const env = {
    ...process.env,
    AIRFLOW_HOME: join(folder, "tests", "airflow"),
    AIRFLOW__CORE__LOAD_EXAMPLES: "False",
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return runTests({ name: "Python tests", argv, report, env, withinMs }, stop);
}

function failureOf(error: unknown, stop: AbortSignal): string {
  if (stop.aborted) return "interrupted";
  console.error(error);
  return error instanceof Error ? error.message : String(error);
}

const heading = (text: string) => console.log(`\n── ${text} ──`);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    console.log(`\n${signal}: stopping the stack`);
    stop.abort(new Error(signal));
  });

const given = process.argv.slice(2);
const isSecure = given[0] === "--secure";
const files = isSecure ? given.slice(1) : given;
const wanted = isSecure && files.length === 0 ? mainPath : files;
const unknown = wanted.find((file) => !existsSync(join(project, file)));
if (unknown !== undefined) {
  const isHelp = unknown === "--help" || unknown === "-h";
  if (!isHelp) console.error(`No test file ${unknown}; nothing was started.`);
  console.error(
    "usage: bun run test [--secure] [FILE]…   all tests, or only these files, on a stack of its own, or a secure one",
  );
  process.exit(isHelp ? 0 : 2);
}

const total = await main(wanted, { isSecure }, stop.signal);
for (const failure of total.failures) console.log(`failed: ${failure}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(stop.signal.aborted ? 130 : total.failed === 0 ? 0 : 1);
