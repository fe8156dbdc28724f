/** `bun run build`: compiles the tasks into one binary in dist/tasks/ with the name of each, unless it is up to date. */
import { link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { $, Glob } from "bun";
import { tasks } from "./list.ts";

const root = join(import.meta.dir, "..");
const folder = join(root, "dist/tasks");
const names = tasks.map(({ name }) => name);
const stamp = join(folder, ".digest");

const digest = await digestOfSources();
if (!(await isUpToDate())) {
  await mkdir(folder, { recursive: true });
  const binary = join(folder, ".tasks");
  await rm(binary, { force: true }); // never overwrite it: the names link to it, and running tasks execute it
  await $`${process.execPath} build --compile --minify --bytecode ${join(root, "tasks/main.ts")} --outfile ${binary}`.quiet();
  // Renaming is atomic: running tasks keep the old binary, and a task that starts gets either the old or the new one.
  for (const name of names) {
    const fresh = join(folder, `.${name}`);
    await rm(fresh, { force: true });
    await link(binary, fresh);
    await rename(fresh, join(folder, name));
  }
  const former = (await readdir(folder)).filter((name) => !name.startsWith(".") && !names.includes(name));
  for (const name of former) await rm(join(folder, name));
  await Bun.write(stamp, digest);
}
console.error(`tasks: ${names.map((name) => join("dist/tasks", name)).join(" ")}`);

async function isUpToDate() {
  const files = [stamp, ...names.map((name) => join(folder, name))];
  for (const file of files) if (!(await Bun.file(file).exists())) return false;
  return (await Bun.file(stamp).text()) === digest;
}

/** A digest of everything in the binary: the sources, the locked dependencies and Bun. */
async function digestOfSources() {
  const hasher = new Bun.CryptoHasher("sha256").update(Bun.version);
  const files = [...new Glob("{tasks,sources,contract,runtime}/**/*.ts").scanSync(root), "bun.lock"].sort();
  for (const file of files) hasher.update(file).update(await Bun.file(join(root, file)).bytes());
  return hasher.digest("hex");
}
