import { existsSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

/** What `bun run build` notes beside the binary. */
export interface Build {
  /** Of everything in it. */
  digest: string;
  /** The names that the binary has: the tasks, and operate. */
  tasks: string[];
}

const noteIn = (folder: string) => join(folder, ".digest");

/** Notes it in lines: the digest, then the tasks. */
export const noteBuild = (folder: string, { digest, tasks }: Build) =>
  Bun.write(noteIn(folder), [digest, ...tasks].join("\n"));

/** The build in a folder; undefined if there is none, or a task of it is missing. */
export async function buildIn(folder: string): Promise<Build | undefined> {
  const note = Bun.file(noteIn(folder));
  if (!(await note.exists())) return undefined;
  const [digest = "", ...tasks] = (await note.text()).split("\n");
  return tasks.every((name) => existsSync(join(folder, name))) ? { digest, tasks } : undefined;
}

const folders = "tasks,sources,contract,runtime,stream,operations,operate,console,consumer,api,script";

/** A digest of everything in the binary: the sources in a checkout, the locked dependencies and Bun. */
export async function digestOfSources(root: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256").update(Bun.version);
  const sources = [...new Glob(`{${folders}}/**/*.{ts,tsx,html,css,js}`).scanSync(root)];
  const files = [...sources.filter((file) => !file.endsWith(".test.ts")), "bun.lock"].sort();
  for (const file of files) hasher.update(file).update(await Bun.file(join(root, file)).bytes());
  return hasher.digest("hex");
}
