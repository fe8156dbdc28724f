import { openProgress } from "../../runtime/progress.ts";
import { leaveCluster } from "../cluster.ts";
import { down as stopStack } from "../lifecycle.ts";
import { disableSpark } from "../services/spark.ts";
import type { Command } from "./command-line.ts";

export const down: Command = {
  summary: "Stop the stack and keep its data",
  async run(instance) {
    const progress = openProgress();
    await stopStack(instance, progress).finally(progress.end);
    disableSpark(instance);
    leaveCluster(instance);
    return 0;
  },
};
