import { join } from "node:path";
import { environmentOf } from "../environment.ts";
import { dataFolder, type Instance, project } from "../instance.ts";
import type { Program } from "./service.ts";

/** A program of this project, run from source and ready once the URL `health` responds with success. */
export const ownProgram = (instance: Instance, name: string, entry: string, health: string): Program => ({
  name,
  // Otherwise Bun would look for the way to compile JSX in the data folder.
  argv: [process.execPath, `--tsconfig-override=${join(project, "tsconfig.json")}`, join(project, entry)],
  cwd: dataFolder(instance, name),
  env: environmentOf(instance),
  async ready() {
    const response = await fetch(health, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`${health} responded with status ${response.status}: ${await response.text()}`);
  },
});
