/**
 * `skip TOPIC PARTITION OFFSET --because "…"`: moves the consumer's group past an unreadable batch, after its bytes
 * have been written to the dead-letter topic. Running it again changes nothing.
 */
import { parseArgs } from "node:util";
import { skipBatch } from "../operations/skip-batch.ts";
import { openKafka } from "../runtime/kafka.ts";
import { FinalError, run } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { configure } from "../sources/config.ts";

const usage = 'usage: skip TOPIC PARTITION OFFSET --because "why nobody needs the records of this batch"';

await run(openLog("skip"), async () => {
  const skip = parse(process.argv.slice(process.argv[2] === "skip" ? 3 : 2));
  const { config, log } = configure("skip");
  const { groupId } = config.consumer;
  const { deadLetterTopic } = config.kafka;
  const kafka = openKafka(config, "skip", log);
  const [admin, producer] = [kafka.admin(), kafka.producer({ allowAutoTopicCreation: false })];
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    const batch = await skipBatch({ kafka, admin, producer, groupId, deadLetterTopic }, skip);
    const { topic, partition } = skip;
    if (!batch)
      log.info("nothing to skip, the group is already past it", { groupId, topic, partition, offset: skip.offset });
    else {
      const { baseOffset, lastOffset, bytes } = batch;
      const at = { topic, partition, offset: baseOffset, lastOffset };
      log.info("batch skipped", { groupId, ...at, bytes: bytes.length, keptIn: deadLetterTopic });
    }
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  }
});

function parse(args: string[]) {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: { because: { type: "string" } },
    });
    const [topic = "", partition = "", offset = "", ...rest] = positionals;
    const because = values.because?.trim() ?? "";
    if (topic === "" || because === "" || rest.length > 0) throw new Error(usage);
    if (!/^\d{1,9}$/.test(partition) || !/^\d{1,18}$/.test(offset)) throw new Error(usage);
    return { topic, partition: Number(partition), offset: BigInt(offset), because };
  } catch {
    throw new FinalError(usage);
  }
}
