import { dismissLetters } from "../../operations/dead-letters/dismiss.ts";
import { operatorName } from "../../operations/dead-letters/operator.ts";
import { type Command, exitCodes, jsonOption } from "../command.ts";
import { onInterruption, withKafka } from "./clients.ts";
import { expectSelection, filterOptions, positions, type SelectionGiven, selectionOf } from "./filter.ts";

interface Given extends SelectionGiven {
  because: string;
  json?: boolean;
}

export const dismiss: Command<Given> = {
  name: "dismiss [positions..]",
  summary: "Note that letters need nothing any more, and why",
  detail: "The letters stay in their topic.",
  options: (yargs) =>
    yargs
      .positional("positions", positions)
      .options(filterOptions)
      .option("all", { type: "boolean", describe: "All open letters" })
      .option("because", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Why these records are not needed",
      })
      .option("json", jsonOption)
      .check((given) => {
        if (given.because.trim() === "" || given.because.length > 500)
          throw new Error("--because must say why nobody needs these records, in at most 500 characters");
        return expectSelection(given);
      })
      .example('$0 dead-letters dismiss 17 18 --because "sent again by the shop"', "two letters")
      .example('$0 dead-letters dismiss --reason no_value --because "test data"', "all of one reason"),
  exits: { 0: "all of them are settled", 2: "it could not be done, or was misused" },
  run: ({ because, json = false, ...given }) =>
    withKafka(async ({ kafka, admin, config }) => {
      const selection = await selectionOf({ kafka, admin }, config.kafka.deadLetterTopic, given);
      const dependencies = { kafka, admin, config, by: operatorName(), onInterruption };
      const report = await dismissLetters(dependencies, selection, because.trim());
      const { dismissed, settledBefore } = report;
      const before = settledBefore > 0 ? `; ${settledBefore} settled before` : "";
      console.log(
        json ? JSON.stringify(report) : `${dismissed} ${dismissed === 1 ? "letter" : "letters"} dismissed${before}`,
      );
      return exitCodes.fine;
    }),
};
