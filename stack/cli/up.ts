import { up as startStack } from "../lifecycle.ts";
import { openProgress } from "../progress.ts";
import { wantSpark } from "../services/spark.ts";
import type { Command } from "./command-line.ts";

export const up: Command = {
  does: "Starts everything that is not running yet and waits until it answers.",
  options: { "--spark": "a standalone Spark cluster too" },
  async run(instance, args, stop) {
    if (args.includes("--spark")) wantSpark(instance);
    const progress = openProgress();
    await startStack(instance, { progress, stop }).finally(progress.end);
    return 0;
  },
};
