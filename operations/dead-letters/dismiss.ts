import type { Config } from "../../runtime/config.ts";
import type { Clients } from "../topic-log.ts";
import { withLedger } from "./ledger.ts";
import type { Entry } from "./letter-log.ts";
import { positionOf, readSelected, type Selection } from "./selection.ts";

interface Dependencies extends Clients {
  config: Pick<Config, "kafka" | "cdc" | "manageSchema">;
  /** The name of the operator's account. */
  by: string;
  onInterruption?: (error: unknown) => void;
}

/** The notes of so many letters fit in one request, with the longest reason. */
const maxChunkLetters = 250;

/**
 * Notes that letters need nothing any more, and why. Those that are settled stay as they are.
 * @throws FinalError if a chosen position has no letter
 */
export async function dismissLetters(
  { kafka, admin, config, by, onInterruption }: Dependencies,
  selection: Selection,
  because: string,
): Promise<{ dismissed: number; settledBefore: number }> {
  const report = { dismissed: 0, settledBefore: 0 };
  await withLedger({ kafka, admin, config, ...(onInterruption && { onInterruption }) }, async (settle) => {
    const { entries } = await readSelected({ kafka, admin }, config.kafka.deadLetterTopic, selection);
    const open = entries.filter(({ settlement }) => !settlement);
    report.settledBefore = entries.length - open.length - report.dismissed;
    const settling = (entry: Entry) => {
      const at = new Date().toISOString();
      return {
        key: entry.key,
        settlement: { action: "dismissed", at, by, because, letter: positionOf(entry) },
      } as const;
    };
    for (let start = 0; start < open.length; start += maxChunkLetters) {
      const chunk = open.slice(start, start + maxChunkLetters);
      await settle(chunk.map(settling));
      report.dismissed += chunk.length;
    }
  });
  return report;
}
