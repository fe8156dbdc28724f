import { rmSync } from "node:fs";
import { join } from "node:path";
import { leaveCluster, openCluster } from "../cluster.ts";
import { StackError } from "../failure.ts";
import { down } from "../lifecycle.ts";
import { removePostgresFolder } from "../services/postgres-files.ts";
import { disableSpark } from "../services/spark.ts";
import { type Command, clusterOption } from "./command-line.ts";

export const reset: Command = {
  summary: "Stop the stack and delete its data",
  options: { "--yes": "do not ask for confirmation", [clusterOption]: "the cluster's data, which is kept otherwise" },
  async run(opened, args) {
    const instance = args.includes(clusterOption) ? await openCluster(opened) : opened;
    const question = `Delete all data of the stack in ${instance.folder}?`;
    if (!args.includes("--yes") && (!process.stdin.isTTY || !confirm(question)))
      throw new StackError("Not confirmed: nothing was deleted", "Answer y, or pass --yes.");
    await down(instance);
    disableSpark(instance);
    // Delete only what the stack created: STACK_DIR may point to a folder with other files in it by mistake.
    for (const name of [
      "console",
      "data",
      "logs",
      "run",
      "runs",
      "certificates",
      "secrets.json",
      "secure",
      "is-cluster",
    ])
      rmSync(join(instance.folder, name), { recursive: true, force: true });
    removePostgresFolder(instance);
    leaveCluster(instance);
    return 0;
  },
};
