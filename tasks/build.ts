/**
 * `bun run build`: compiles all programs into one binary in dist/tasks/ with the names that the DAGs call, unless it is up
 * to date: those of the tasks, and operate.
 */
import { link, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "bun";
import { buildIn, digestOfSources, noteBuild } from "../operations/task-binary.ts";
import { tasks } from "./list.ts";

const root = join(import.meta.dir, "..");
const folder = join(root, "dist/tasks");
const names = [...tasks.keys(), "operate"];

const build = { digest: await digestOfSources(root), tasks: names };
if (!Bun.deepEquals(await buildIn(folder), build)) {
  await mkdir(folder, { recursive: true });
  const binary = join(folder, ".tasks");
  await rm(binary, { force: true }); // never overwrite it: the names link to it, and running tasks execute it
  await $`${process.execPath} build --compile --minify --bytecode --format=esm ${join(root, "script/programs.ts")} --outfile ${binary}`.quiet();
  // Renaming is atomic: running tasks keep the old binary, and a task that starts gets either the old or the new one.
  for (const name of names) {
    const fresh = join(folder, `.${name}`);
    await rm(fresh, { force: true });
    await link(binary, fresh);
    await rename(fresh, join(folder, name));
  }
  const former = (await readdir(folder)).filter((name) => !name.startsWith(".") && !names.includes(name));
  for (const name of former) await rm(join(folder, name));
  await noteBuild(folder, build);
}
console.error(`tasks: ${names.map((name) => join("dist/tasks", name)).join(" ")}`);
