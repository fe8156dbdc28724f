import { forgottenTopicOf } from "../contract/entity.ts";
import type { Config } from "../runtime/config.ts";
import { FinalError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import type { Registry } from "../runtime/registry.ts";
import type { DeadLetter, Message, Route, Write } from "../stream/change.ts";
import { withoutForgotten } from "../stream/forgotten/forgotten.ts";
import { readForgotten } from "../stream/forgotten/notes.ts";
import { openRoutes } from "../stream/routes.ts";
import { type DeadLetterPositions, readDeadLetterPositions } from "./dead-letter-positions.ts";
import { type Clients, type Range, type Records, readRange } from "./topic-log.ts";
import { within } from "./within.ts";

/** How long the Schema Registry may be away: a route waits for it indefinitely. */
const registryPatienceMs = 30_000;

/** What consecutive records of a partition change, in their order. */
export interface Changes extends Omit<Records, "messages"> {
  writes: readonly Write[];
  /** Records that have no dead letter but that this version would not apply: the consumer has not reached them. */
  letters: readonly DeadLetter[];
  /** How many records it was. */
  records: number;
  /** How many of them have a dead letter. */
  deadLettered: number;
}

interface Dependencies extends Clients {
  registry: Registry;
  config: Pick<Config, "kafka" | "consumer" | "cdc">;
  log: Log;
}

/** What the topics say, read as the consumer reads it. */
export interface TopicChanges {
  /** The topics that change the table. */
  topics: readonly string[];
  /**
   * Reads a range of them. Start at the beginning: the write time of a change in PostgreSQL depends on those before it.
   * @throws FinalError at an unreadable batch that was not skipped, and at a record of a newer contract
   */
  read(range: Range, each: (changes: Changes) => Promise<void> | void, stop: AbortSignal): Promise<void>;
}

/**
 * The changes in the topics by the routes of the consumer, without the records that have a dead letter and those of
 * forgotten users: exactly what it has applied, or will.
 */
export function openTopicChanges({ kafka, admin, registry, config, log }: Dependencies): TopicChanges {
  const { routes } = openRoutes({ config, registry, log });
  return {
    topics: [...routes.keys()],
    async read(range, each, stop) {
      const dead = await readDeadLetterPositions({ kafka, admin }, config.kafka.deadLetterTopic, stop);
      const isSkipped = (topic: string, partition: number, { baseOffset }: { baseOffset: string }) =>
        dead.reasonAt(topic, partition, BigInt(baseOffset)) === "unreadable_batch";
      const forgotten = await readForgotten(kafka, forgottenTopicOf(config.kafka.topic));
      const routeOf = (topic: string) => withoutForgotten(routes.get(topic)!, forgotten);
      const apply = async (records: Records) => each(await changesOf(records, routeOf(records.topic), dead, stop));
      await readRange({ kafka, admin }, range, apply, { isSkipped, stop });
    },
  };
}

async function changesOf(
  { topic, partition, messages }: Records,
  route: Route,
  dead: DeadLetterPositions,
  stop: AbortSignal,
): Promise<Changes> {
  const reasonOf = ({ offset }: Message) => dead.reasonAt(topic, partition, BigInt(offset));
  // Cassandra refused these after their write times were known, which later changes of their rows follow.
  const isRefused = (message: Message) => reasonOf(message) === "refused";
  const read = messages.filter((message) => reasonOf(message) === undefined || isRefused(message));
  const silent = `the Schema Registry does not answer for ${registryPatienceMs / 1_000} s`;
  const { writes, letters, held } =
    read.length === 0
      ? { writes: [], letters: [] }
      : await within(registryPatienceMs, silent, stop, (signal) => route(read, signal, partition));
  if (held) throw new FinalError(`topic ${topic}, partition ${partition}: ${held.why}`);
  const applied = writes.filter(({ message }) => !isRefused(message));
  const deadLettered = messages.length - read.length + writes.length - applied.length;
  return { topic, partition, writes: applied, letters, records: messages.length, deadLettered };
}
