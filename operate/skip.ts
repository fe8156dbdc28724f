import { skipBatch } from "../operations/skip-batch.ts";
import { openKafka } from "../runtime/kafka.ts";
import { configure } from "../sources/config.ts";
import { type Command, jsonOption } from "./command.ts";

interface Given {
  topic: string;
  partition: number;
  offset: string;
  because: string;
  json?: boolean;
}

export const skip: Command<Given> = {
  name: "skip <topic> <partition> <offset>",
  summary: "Move the consumer past an unreadable batch, saving its bytes in the dead-letter topic",
  detail: "The group must have no members. Skipping the same batch again changes nothing.",
  options: (yargs) =>
    yargs
      .positional("topic", { type: "string", demandOption: true, describe: "The topic that the batch is in" })
      .positional("partition", { type: "number", demandOption: true, describe: "Its partition" })
      .positional("offset", { type: "string", demandOption: true, describe: "Any offset of the batch" })
      .option("because", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Why the records of this batch are not needed",
      })
      .option("json", jsonOption)
      .check(({ partition, offset, because }) => {
        if (!Number.isInteger(partition) || partition < 0 || !/^\d{1,18}$/.test(offset))
          throw new Error("partition and offset must be whole numbers");
        if (because.trim() === "") throw new Error("--because must say why nobody needs these records");
        return true;
      })
      .example('$0 skip users_created 2 4711 --because "test data"', "as the consumer's /readyz suggests"),
  exits: { 0: "skipped, or already past it", 2: "nothing was changed: the message says why" },
  async run({ topic, partition, offset, because, json = false }) {
    const { config, log } = configure("skip");
    const { groupId } = config.consumer;
    const { deadLetterTopic } = config.kafka;
    const kafka = openKafka(config, "skip", log);
    const [admin, producer] = [kafka.admin(), kafka.producer({ allowAutoTopicCreation: false })];
    try {
      await Promise.all([admin.connect(), producer.connect()]);
      const position = { topic, partition, offset: BigInt(offset), because: because.trim() };
      const batch = await skipBatch({ kafka, admin, producer, groupId, deadLetterTopic }, position);
      const skipped = batch && {
        baseOffset: batch.baseOffset,
        lastOffset: batch.lastOffset,
        bytes: batch.bytes.length,
      };
      if (json) console.log(JSON.stringify({ topic, partition, groupId, skipped, keptIn: deadLetterTopic }));
      else if (!skipped) console.log(`nothing to skip: the group ${groupId} is already past offset ${offset}`);
      else
        console.log(
          `batch skipped: offsets ${skipped.baseOffset} to ${skipped.lastOffset} of ${topic}, partition ${partition}; ` +
            `its ${skipped.bytes} bytes are in ${deadLetterTopic}`,
        );
      return 0;
    } finally {
      await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
    }
  },
};
