import { searchFields } from "../../contract/entity.ts";
import { operatorName } from "../../operations/dead-letters/operator.ts";
import { refusalGroups } from "../../operations/dead-letters/refusals.ts";
import { type Values, valuesOf } from "../../operations/dead-letters/repair.ts";
import { type ReplayReport, replayLetters } from "../../operations/dead-letters/replay.ts";
import { openProgress } from "../../runtime/progress.ts";
import { openRegistry } from "../../runtime/registry.ts";
import { tableText } from "../../runtime/table.ts";
import { type Command, jsonOption } from "../command.ts";
import { onInterruption, withKafka } from "./clients.ts";
import { expectSelection, filterOptions, positions, type SelectionGiven, selectionOf } from "./filter.ts";

interface Given extends SelectionGiven {
  set: string[];
  "dry-run"?: boolean;
  force?: boolean;
  json?: boolean;
}

export const replay: Command<Given> = {
  name: "replay [positions..]",
  summary: "Put the records of open letters back on their topics, repaired if need be",
  detail:
    "A record keeps its key, its headers and its write time, so it never wins over a newer row. Only records that the " +
    "consumer would store are sent. Replaying again sends nothing; nor does it matter if the command was killed, or " +
    "if somebody else runs it too.",
  options: (yargs) =>
    yargs
      .positional("positions", positions)
      .options(filterOptions)
      .option("all", { type: "boolean", describe: "All open letters" })
      .option("set", {
        type: "string",
        requiresArg: true,
        default: [] as string[],
        coerce: (given: string | string[]) => [given].flat(),
        describe: "Another value for a field, FIELD=VALUE; may be repeated. No VALUE is null",
      })
      .option("dry-run", { type: "boolean", describe: "Send nothing: say what would be sent" })
      .option("force", {
        type: "boolean",
        describe: "Also what would fail again, or has done so three times, and dismissed letters given by position",
      })
      .option("json", jsonOption)
      .check((given) => expectSelection(given) && valuesOf(given.set) !== undefined)
      .example(`$0 dead-letters replay 17 --set ${searchFields[0]}=Rachel`, "repairs and replays one letter")
      .example("$0 dead-letters replay --reason unknown_schema", "after the schema was registered")
      .example("$0 dead-letters replay --all --dry-run", "what could be replayed, and why the others could not"),
  exits: { 0: "all were replayed, or nothing was open", 1: "some were not", 2: "it could not be done, or was misused" },
  run: ({ set, "dry-run": dryRun = false, force = false, json = false, ...given }) =>
    withKafka(async ({ kafka, admin, config, log }) => {
      const registry = openRegistry(config.schemaRegistry, config.manageSchema);
      const values: Values = valuesOf(set);
      const selection = await selectionOf({ kafka, admin }, config.kafka.deadLetterTopic, given);
      const progress = openProgress();
      const onProgress = (replayed: number, chosen: number) =>
        progress.start("replay", `${replayed} of ${chosen} letters`);
      try {
        const report = await replayLetters({ kafka, admin, config, registry, log, by: operatorName() }, selection, {
          values,
          force,
          dryRun,
          onProgress,
          onInterruption,
        });
        if (report.replayed > 0 && !dryRun) progress.done("replay", `${report.replayed} letters`);
        progress.end();
        console.log(json ? JSON.stringify({ ...report, dryRun }) : reportText(report, dryRun));
        return report.refused.length > 0 ? 1 : 0;
      } finally {
        progress.end();
      }
    }),
};

const letters = (count: number) => `${count} ${count === 1 ? "letter" : "letters"}`;

function reportText({ replayed, refused, settledBefore }: ReplayReport, dryRun: boolean): string {
  const lines = [`${letters(replayed)} ${dryRun ? "would be replayed" : "replayed"}`];
  if (settledBefore > 0) lines.push(`${letters(settledBefore)} settled before`);
  if (refused.length > 0) lines.push(`${letters(refused.length)} not replayed:`, refusalsText(refused));
  return lines.join("\n");
}

const maxRows = 30;

function refusalsText(refused: ReplayReport["refused"]): string {
  const rows = refusalGroups(refused).map((group) => [group.letters, group.first, group.reason, group.why] as const);
  const more = rows.length > maxRows ? `\n… ${rows.length - maxRows} more; --json has all` : "";
  return tableText(["letters", "first", "reason", "why"], rows.slice(0, maxRows)) + more;
}
