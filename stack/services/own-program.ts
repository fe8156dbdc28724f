import { join } from "node:path";
import type { Principal } from "../../operations/access/principals.ts";
import { httpAccess } from "../../runtime/http-access.ts";
import { authorityOf } from "../certificates.ts";
import { environmentOf } from "../environment.ts";
import { dataFolder, type Instance, project } from "../instance.ts";
import type { Program } from "./service.ts";

/**
 * A program of this project, run from source and ready once the URL `health` responds with success. `env` is added to what
 * its principal gets, which has its name unless another one is given.
 */
export const ownProgram = (
  instance: Instance,
  name: string,
  entry: string,
  health: string,
  { principal = name as Principal, env = {} }: { principal?: Principal; env?: Record<string, string> } = {},
): Program => ({
  name,
  // Otherwise Bun would look for the way to compile JSX in the data folder.
  argv: [process.execPath, `--tsconfig-override=${join(project, "tsconfig.json")}`, join(project, entry)],
  cwd: dataFolder(instance, name),
  env: { ...environmentOf(instance, principal), ...env },
  async ready() {
    const { tls } = httpAccess({ caFile: health.startsWith("https:") ? authorityOf(instance) : undefined });
    const response = await fetch(health, { ...(tls && { tls }), signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`${health} responded with status ${response.status}: ${await response.text()}`);
  },
});
