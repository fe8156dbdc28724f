import { add, type Group } from "./command.ts";
import { list } from "./dead-letters/list.ts";

export const deadLetters: Group = {
  name: "dead-letters",
  summary: "See, repair, replay and dismiss the records that could not be stored",
  examples: [["$0 dead-letters list", "what there is, by reason, topic and day"]],
  commands: (yargs) => add(yargs, list),
  exits: { 0: "no letter is open", 1: "some are", 2: "it could not look: the message says why" },
};
