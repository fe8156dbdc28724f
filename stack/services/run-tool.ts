import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { tailOf } from "../../operations/log-tail.ts";
import { StackError } from "../failure.ts";
import type { Instance } from "../instance.ts";

/**
 * Runs a tool to completion, appending its output to a service's log.
 * @throws StackError with the end of that log if it fails
 */
export async function run(
  instance: Pick<Instance, "folder">,
  log: string,
  argv: string[],
  options: { env?: Record<string, string | undefined>; cwd?: string; stop?: AbortSignal } = {},
): Promise<void> {
  const file = join(instance.folder, "logs", `${log}.log`);
  const output = openSync(file, "a");
  const command = Bun.spawn(argv, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    signal: options.stop,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const exitCode = await command.exited;
  options.stop?.throwIfAborted();
  if (exitCode !== 0)
    throw new StackError(
      `\`${argv.map((word) => word.split("/").at(-1)).join(" ")}\` failed with exit code ${exitCode}`,
      `See its output in ${file}.`,
      await tailOf(file),
    );
}
