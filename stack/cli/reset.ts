import { rmSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "../failure.ts";
import { down } from "../lifecycle.ts";
import { removePostgresFolder } from "../services/postgres-files.ts";
import { wantNoSpark } from "../services/spark.ts";
import type { Command } from "./command-line.ts";

export const reset: Command = {
  does: "Stops everything and deletes what it kept.",
  options: { "--yes": "asks no question" },
  async run(instance, args) {
    const question = `Delete all data of the stack in ${instance.folder}?`;
    if (!args.includes("--yes") && (!process.stdin.isTTY || !confirm(question)))
      throw new StackError("Nothing was deleted", "Answer yes, or pass --yes.");
    await down(instance);
    wantNoSpark(instance);
    // Only what the stack made: STACK_DIR may by mistake name a folder that holds other things.
    for (const name of ["data", "logs", "run", "runs", "secrets.json"])
      rmSync(join(instance.folder, name), { recursive: true, force: true });
    removePostgresFolder(instance);
    return 0;
  },
};
