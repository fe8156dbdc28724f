import { down as stopStack } from "../lifecycle.ts";
import { openProgress } from "../progress.ts";
import { wantNoSpark } from "../services/spark.ts";
import type { Command } from "./command-line.ts";

export const down: Command = {
  does: "Stops everything; the data stays.",
  async run(instance) {
    const progress = openProgress();
    await stopStack(instance, progress).finally(progress.end);
    wantNoSpark(instance);
    return 0;
  },
};
