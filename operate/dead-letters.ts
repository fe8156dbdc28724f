import { searchFields } from "../contract/entity.ts";
import { add, type Group } from "./command.ts";
import { dismiss } from "./dead-letters/dismiss.ts";
import { list } from "./dead-letters/list.ts";
import { replay } from "./dead-letters/replay.ts";
import { show } from "./dead-letters/show.ts";

export const deadLetters: Group = {
  name: "dead-letters",
  summary: "See, repair, replay and dismiss the records that could not be stored",
  detail:
    "A letter's position is its PARTITION:OFFSET in the dead-letter topic, or its OFFSET if that has one partition.",
  examples: [
    ["$0 dead-letters list", "what there is, by reason, topic and day"],
    ["$0 dead-letters show 17", "one of them, decoded, and what can be done"],
    [`$0 dead-letters replay 17 --set ${searchFields[0]}=Rachel`, "repairs it and puts it back on its topic"],
    ['$0 dead-letters dismiss --reason no_value --because "test data"', "these need nothing"],
  ],
  commands: (yargs) => add(add(add(add(yargs, list), show), replay), dismiss),
  exits: { 0: "fine", 1: "letters are open, or were not replayed", 2: "it could not look, or was misused" },
};
