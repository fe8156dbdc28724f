/** `bun run build`: the tasks as one binary under four names in dist/tasks/, made anew only where something changed. */
import { link, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { $, Glob } from "bun";

const root = join(import.meta.dir, "..");
const folder = join(root, "dist/tasks");
const names = ["fetch", "format", "backup", "produce"] as const;
const stamp = join(folder, ".made-from");

const madeFrom = await digestOfSources();
if (!(await isMade())) {
  await mkdir(folder, { recursive: true });
  const binary = join(folder, ".tasks");
  await rm(binary, { force: true }); // the names are links to it: written over, tasks that run would lose their code
  await $`${process.execPath} build --compile --minify --bytecode ${join(root, "tasks/main.ts")} --outfile ${binary}`.quiet();
  // A task that runs keeps the old binary; one that starts finds the old or the new, never half of one.
  for (const name of names) {
    const fresh = join(folder, `.${name}`);
    await rm(fresh, { force: true });
    await link(binary, fresh);
    await rename(fresh, join(folder, name));
  }
  await Bun.write(stamp, madeFrom);
}
console.error(`tasks: ${names.map((name) => join("dist/tasks", name)).join(" ")}`);

async function isMade() {
  const files = [stamp, ...names.map((name) => join(folder, name))];
  for (const file of files) if (!(await Bun.file(file).exists())) return false;
  return (await Bun.file(stamp).text()) === madeFrom;
}

/** Everything that the binary is made of: the sources, the locked dependencies and Bun itself. */
async function digestOfSources() {
  const hasher = new Bun.CryptoHasher("sha256").update(Bun.version);
  const files = [...new Glob("{tasks,sources,contract,runtime}/**/*.ts").scanSync(root), "bun.lock"].sort();
  for (const file of files) hasher.update(file).update(await Bun.file(join(root, file)).bytes());
  return hasher.digest("hex");
}
