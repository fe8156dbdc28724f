import { openProgress } from "../../runtime/progress.ts";
import { up as startStack } from "../lifecycle.ts";
import { overriddenSettings } from "../overridden.ts";
import { enableSpark } from "../services/spark.ts";
import { type Command, secureHelp, secureOption } from "./command-line.ts";

export const up: Command = {
  summary: "Start the stack and wait until every service is ready",
  options: { "--spark": "also start a standalone Spark cluster", [secureOption]: secureHelp },
  async run(instance, args, stop) {
    if (args.includes("--spark")) enableSpark(instance);
    for (const sentence of overriddenSettings(instance)) console.error(sentence);
    const progress = openProgress();
    await startStack(instance, { progress, stop }).finally(progress.end);
    return 0;
  },
};
