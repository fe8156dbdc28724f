import { openProgress } from "../../runtime/progress.ts";
import { useCluster } from "../cluster.ts";
import { up as startStack } from "../lifecycle.ts";
import { overriddenSettings } from "../overridden.ts";
import { enableSpark } from "../services/spark.ts";
import { type Command, clusterHelp, clusterOption, secureHelp, secureOption } from "./command-line.ts";

export const up: Command = {
  summary: "Start the stack and wait until every service is ready",
  options: {
    "--spark": "also start a standalone Spark cluster",
    [secureOption]: secureHelp,
    [clusterOption]: clusterHelp,
  },
  async run(opened, args, stop) {
    const instance = args.includes(clusterOption) ? await useCluster(opened) : opened;
    if (args.includes("--spark")) enableSpark(instance);
    for (const sentence of overriddenSettings(instance)) console.error(sentence);
    const progress = openProgress();
    await startStack(instance, { progress, stop }).finally(progress.end);
    return 0;
  },
};
