import { rmSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "../failure.ts";
import { down } from "../lifecycle.ts";
import { removePostgresFolder } from "../services/postgres-files.ts";
import { disableSpark } from "../services/spark.ts";
import type { Command } from "./command-line.ts";

export const reset: Command = {
  summary: "Stop the stack and delete its data",
  options: { "--yes": "do not ask for confirmation" },
  async run(instance, args) {
    const question = `Delete all data of the stack in ${instance.folder}?`;
    if (!args.includes("--yes") && (!process.stdin.isTTY || !confirm(question)))
      throw new StackError("Not confirmed: nothing was deleted", "Answer y, or pass --yes.");
    await down(instance);
    disableSpark(instance);
    // Delete only what the stack created: STACK_DIR may point to a folder with other files in it by mistake.
    for (const name of ["data", "logs", "run", "runs", "certificates", "secrets.json", "secure"])
      rmSync(join(instance.folder, name), { recursive: true, force: true });
    removePostgresFolder(instance);
    return 0;
  },
};
