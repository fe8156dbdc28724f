import { groupsOf, openByReason, type Period } from "../../operations/dead-letters/groups.ts";
import { type Entry, readLetterLog } from "../../operations/dead-letters/letter-log.ts";
import { tableText } from "../../runtime/table.ts";
import { type Command, jsonOption } from "../command.ts";
import { withKafka } from "./clients.ts";
import { type FilterGiven, filterOf, filterOptions } from "./filter.ts";

interface Given extends FilterGiven {
  per: Period;
  each?: boolean;
  json?: boolean;
}

export const list: Command<Given> = {
  name: "list",
  summary: "Count the letters by reason, topic and time",
  detail: "Times are UTC. A letter is settled once it was replayed or dismissed.",
  options: (yargs) =>
    yargs
      .options(filterOptions)
      .option("per", {
        choices: ["day", "hour"] as const,
        default: "day" as const,
        describe: "How long a group's time is",
      })
      .option("each", { type: "boolean", describe: "List the open letters, each with its position" })
      .option("json", jsonOption)
      .check((given) => filterOf(given) !== undefined)
      .example("$0 dead-letters list", "all of them, per day")
      .example("$0 dead-letters list --since 24h --per hour", "when it began")
      .example("$0 dead-letters list --reason invalid_user --each", "the positions that `show` and `replay` take"),
  exits: { 0: "no letter is open", 1: "some are", 2: "Kafka could not be asked" },
  run: ({ per, each = false, json = false, ...given }) =>
    withKafka(async ({ kafka, admin, config }) => {
      const { deadLetterTopic: topic } = config.kafka;
      const { entries, unreadableBatches } = await readLetterLog({ kafka, admin }, topic, filterOf(given));
      const groups = groupsOf(entries, per);
      const open = entries.filter(({ settlement }) => !settlement);
      if (json) {
        const letters = each && { letters: open.map(({ key: _, settlement: __, ...entry }) => entry) };
        console.log(JSON.stringify({ topic, open: openByReason(entries), unreadableBatches, groups, ...letters }));
      } else {
        console.log(each ? lettersText(open) : groupsText(groups, per));
        if (unreadableBatches > 0) console.log(`${unreadableBatches} batches of ${topic} itself cannot be read`);
      }
      return open.length > 0 ? 1 : 0;
    }),
};

function groupsText(groups: ReturnType<typeof groupsOf>, per: Period): string {
  if (groups.length === 0) return "no dead letters";
  return tableText(
    ["reason", "topic", per, "open", "settled", "failed again"],
    groups.map(({ reason, topic, time, open, settled, failedAgain }) => [
      reason,
      topic ?? "unknown",
      time.replace("T", " "),
      open,
      settled,
      failedAgain,
    ]),
  );
}

function lettersText(letters: readonly Entry[]): string {
  if (letters.length === 0) return "no open letters";
  return tableText(
    ["letter", "written", "reason", "record", "replayed"],
    letters.map(({ partition, offset, writtenMs, reason, origin, replays }) => [
      `${partition}:${offset}`,
      shownTime(writtenMs),
      reason,
      origin ? `${origin.topic} ${origin.partition}:${origin.offset}` : "unknown",
      replays,
    ]),
  );
}

/** A foreign record's time may be impossible. */
export function shownTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? "unknown" : time.toISOString().replace(/\.\d+Z/, "Z");
}
