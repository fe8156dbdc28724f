import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { StackError } from "../failure.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { loadSecrets, secretsFile } from "../secrets.ts";
import { run } from "./run-tool.ts";

type Owner = Pick<Instance, "folder" | "secrets">;

/**
 * The folder of PostgreSQL's files: in the stack's folder or, for root, outside of root's home, where the unprivileged
 * account that PostgreSQL then runs as can access them.
 */
export function postgresFolder(instance: Owner): string {
  if (!isRoot()) return dataFolder(instance, "postgres");
  const key = new Bun.CryptoHasher("sha256").update(instance.secrets.postgresSuperuser).digest("hex").slice(0, 16);
  return join(foldersOfRoot, key);
}

/** The data directory. */
export const clusterFolder = (instance: Owner) => join(postgresFolder(instance), "cluster");

export const postgresBinary = (instance: Instance, name: "initdb" | "postgres") =>
  join(isRoot() ? copyOfBinaries(instance) : instance.installed.postgres, "bin", name);

/** Puts the binaries, and the database of an earlier version, where the account that runs PostgreSQL can access them. */
export async function prepareFolder(instance: Instance): Promise<void> {
  if (!isRoot()) return;
  const folder = postgresFolder(instance);
  mkdirSync(foldersOfRoot, { recursive: true });
  if (!isRootsOwn(foldersOfRoot))
    throw new StackError(
      `PostgreSQL's files cannot be stored in ${foldersOfRoot}: it must be a folder that only root can write to`,
      `Move it away, then run the same command again.`,
    );
  chmodSync(foldersOfRoot, 0o711);
  const original = originalOf(instance);
  if (original)
    throw new StackError(
      `${instance.folder} is a copy of the stack in ${original}, and PostgreSQL's files in ${folder} belong to that one`,
      "Choose an empty folder with STACK_DIR or, to move the stack, delete the original folder.",
    );
  mkdirSync(folder, { recursive: true });
  chownSync(folder, 0, unprivileged);
  chmodSync(folder, 0o710);
  writeFileSync(ownerFile(instance), `${instance.folder}\n`);
  await copyBinaries(instance);
  await adoptCluster(instance);
}

/** Creates a folder that PostgreSQL can write to. */
export function makeWritableFolder(path: string) {
  mkdirSync(path, { mode: 0o700 });
  if (isRoot()) chownSync(path, unprivileged, unprivileged);
}

/** Makes a file readable only by its owner and PostgreSQL. */
export function letPostgresRead(file: string) {
  if (!isRoot()) return;
  chownSync(file, 0, unprivileged);
  chmodSync(file, 0o640);
}

/** Deletes root's PostgreSQL files, which are outside of the stack's folder, but not those of a stack that was copied. */
export function removePostgresFolder(instance: Owner) {
  if (!isRoot() || originalOf(instance)) return;
  rmSync(postgresFolder(instance), { recursive: true, force: true });
  if (existsSync(foldersOfRoot) && readdirSync(foldersOfRoot).length === 0) rmdirSync(foldersOfRoot);
}

/** PostgreSQL refuses to run as root, so root runs it as nobody, without privileges or a way to gain them. */
export function asUser(argv: string[]): string[] {
  if (!isRoot()) return argv;
  if (!Bun.which("setpriv"))
    throw new StackError(
      "PostgreSQL refuses to run as root, and setpriv, which would run it as another account, is not installed",
      "Run the stack as an account other than root, or install util-linux.",
    );
  const identity = [`--reuid=${unprivileged}`, `--regid=${unprivileged}`, "--clear-groups"];
  return ["setpriv", ...identity, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", ...argv];
}

/** Tells which stack the folder of root's PostgreSQL files belongs to. */
const ownerFile = (instance: Owner) => join(postgresFolder(instance), "stack");

/** The folder of the stack that this one is a copy of, if that is still there: the secrets of both are the same. */
function originalOf(instance: Owner): string | undefined {
  if (!existsSync(ownerFile(instance))) return;
  const owner = readFileSync(ownerFile(instance), "utf8").trimEnd();
  if (owner === instance.folder || !existsSync(secretsFile(owner))) return;
  if (loadSecrets(secretsFile(owner)).postgresSuperuser === instance.secrets.postgresSuperuser) return owner;
}

const isRoot = () => process.getuid?.() === 0;
const unprivileged = 65_534; // nobody
const foldersOfRoot = "/var/lib/user-automation";

function isRootsOwn(folder: string): boolean {
  const status = lstatSync(folder);
  return status.isDirectory() && status.uid === 0 && (status.mode & 0o022) === 0;
}

const copyOfBinaries = (instance: Instance) =>
  join(postgresFolder(instance), `postgresql-${basename(instance.installed.postgres)}`);

async function copyBinaries(instance: Instance) {
  const copy = copyOfBinaries(instance);
  if (existsSync(copy)) return;
  for (const name of readdirSync(dirname(copy)).filter((name) => name.startsWith("postgresql-")))
    rmSync(join(dirname(copy), name), { recursive: true }); // of another version, or incomplete
  await run(instance, "postgres", ["cp", "-R", instance.installed.postgres, `${copy}.new`]);
  await run(instance, "postgres", ["chmod", "-R", "u=rwX,go=rX", `${copy}.new`]);
  renameSync(`${copy}.new`, copy);
}

/** Moves root's database from the stack's folder, where earlier versions kept it; the original is deleted last. */
async function adoptCluster(instance: Instance) {
  const earlier = join(dataFolder(instance, "postgres"), "cluster");
  const cluster = clusterFolder(instance);
  if (!existsSync(earlier) || existsSync(cluster)) return;
  const { uid } = lstatSync(earlier);
  if (uid !== unprivileged)
    throw new StackError(
      `The database in ${earlier} belongs to account ${uid}, who would lose access to it if root moved it`,
      "Run the stack as that account, or choose another folder with STACK_DIR.",
    );
  const arriving = `${cluster}.new`;
  rmSync(arriving, { recursive: true, force: true });
  await run(instance, "postgres", ["cp", "-a", earlier, arriving]);
  renameSync(arriving, cluster);
  rmSync(earlier, { recursive: true });
}
