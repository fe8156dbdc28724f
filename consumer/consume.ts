import { type Batch, type EachBatchPayload, type Kafka, KafkaJSError } from "kafkajs";
import type { Config } from "../runtime/config.ts";
import { unreadableAfter } from "../runtime/kafka/record-batch.ts";
import type { Log } from "../runtime/log.ts";
import type { Sink } from "./cassandra/sink.ts";
import type { Message, Route } from "./change.ts";
import type { openDeadLetterLimit } from "./dead-letter-limit.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Metrics } from "./metrics.ts";
import type { Block, Progress } from "./progress.ts";
import { slicesOf } from "./slices.ts";

interface Dependencies {
  kafka: Kafka;
  config: Pick<Config, "consumer">;
  /** How the records of each topic are read; its keys are what is subscribed to. */
  routes: ReadonlyMap<string, Route>;
  /** Told when partitions are assigned anew: each is read from its committed offset on, which others may have moved. */
  onAssignment?: () => void;
  sink: Sink;
  deadLetters: DeadLetters;
  deadLetterExcess: ReturnType<typeof openDeadLetterLimit>;
  progress: Progress;
  metrics: Pick<Metrics, "records" | "sliceSeconds" | "storedSeconds" | "committedSeconds">;
  log: Log;
}

/** kafkajs waits for a fetch under way before it stops, so this is also a part of how long stopping takes. */
const maxFetchWaitMs = 1_000;
const heartbeatEveryMs = 1_500;
/** How long a partition that stopped waits before it is tried again: another replica may have an unreadable batch whole. */
const fetchAgainAfterMs = 30_000;
/** How long leaving the group may take, in milliseconds. */
const closeWithinMs = 8_000;

/**
 * Consumes until `stop`: finishes the slices in hand, commits, leaves the group and resolves. Rejects when something
 * unknown happened; the process should end then, and whatever restarts it, since everything unresolved is read again.
 */
export async function consume(dependencies: Dependencies, stop: AbortSignal): Promise<void> {
  const { kafka, config, routes, progress } = dependencies;
  const consumer = kafka.consumer({
    groupId: config.consumer.groupId,
    sessionTimeout: config.consumer.sessionTimeoutMs,
    heartbeatInterval: heartbeatEveryMs,
    minBytes: 1,
    maxWaitTimeInMs: maxFetchWaitMs,
    maxBytesPerPartition: 256 * 1024,
    allowAutoTopicCreation: false,
    // kafkajs restarts for ever by default, or idles after a TypeError; the process ends instead and is started anew.
    retry: { restartOnFailure: async () => false },
  });
  const ended = Promise.withResolvers<void>();
  const halt = new AbortController();
  const failures: unknown[] = [];
  const stopped = () => {
    halt.abort(stop.reason);
    ended.resolve();
  };
  const fail = (error: unknown) => {
    failures.push(error);
    halt.abort(error);
    ended.resolve();
  };

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    progress.joined(payload.memberAssignment);
    dependencies.onAssignment?.();
  });
  consumer.on(consumer.events.HEARTBEAT, () => progress.heard());
  consumer.on(consumer.events.REBALANCING, () => progress.left());
  consumer.on(consumer.events.STOP, () => progress.left());
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
  if (stop.aborted) stopped();
  else stop.addEventListener("abort", stopped, { once: true });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...routes.keys()], fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      // Offsets are committed as soon as one is resolved: after each slice, and past what reaches no slice, the markers
      // and the records of aborted transactions, which would count as lag until the next record arrives.
      autoCommitThreshold: 1,
      partitionsConsumedConcurrently: 4,
      eachBatch: (payload) =>
        storeBatch(payload, dependencies, halt.signal).catch((error: unknown) => {
          // kafkajs handles what is its own (a rebalance, a lost connection); all else is unknown and ends the process.
          if (!(error instanceof KafkaJSError)) fail(error);
          throw error;
        }),
    });
    await ended.promise;
  } finally {
    stop.removeEventListener("abort", stopped);
    halt.abort(new Error("the consumer has ended"));
    // With Kafka away this may fail or take indefinitely, and what is committed is committed.
    await Promise.race([consumer.disconnect().catch(() => {}), Bun.sleep(closeWithinMs)]);
  }
  if (failures.length > 0) throw failures[0]; // also one that came up while the slices in hand were finished
}

/** Offsets move only after every record of a slice is stored or dead-lettered. */
async function storeBatch(payload: EachBatchPayload, dependencies: Dependencies, halt: AbortSignal): Promise<void> {
  const { batch, resolveOffset, commitOffsetsIfNecessary, heartbeat, isRunning, isStale } = payload;
  const { config, routes, progress, metrics } = dependencies;
  const { topic, partition, highWatermark } = batch;
  const route = routes.get(topic);
  if (!route) throw new Error(`no route for topic ${topic}`);

  const unreadable = unreadableAfter(batch.messages);
  const messages = (unreadable ? batch.messages.slice(0, -1) : batch.messages) as Message[];
  progress.seen(topic, partition, { next: messages[0]?.offset ?? unreadable?.baseOffset ?? "0", end: highWatermark });
  for (const slice of slicesOf(messages, config.consumer.sliceRows)) {
    if (!isRunning() || isStale() || halt.aborted) return; // unresolved: it is read again
    const last = slice.at(-1)!.offset;
    const observe = metrics.sliceSeconds.startTimer({ topic });
    try {
      const store = (abandon: AbortSignal) => storeSlice(batch, slice, route, dependencies, abandon);
      const excess = await whileBeating(heartbeat, halt, store);
      if (excess !== undefined) {
        waitAt({ lastOffset: last, why: excess }, payload, dependencies);
        dependencies.log.error("too many dead letters", { topic, partition, offset: slice[0].offset, detail: excess });
        return;
      }
    } catch (error) {
      if (error === halt.reason) return; // halted while it waited for a service that is away
      throw error;
    }
    resolveOffset(last); // the only permission to advance
    observe();
    progress.seen(topic, partition, { next: String(BigInt(last) + 1n) });
    await commitOffsetsIfNecessary();
    await heartbeat();
  }
  if (unreadable) {
    const { baseOffset, lastOffset, detail } = unreadable;
    const remedy = `\`bun run skip ${topic} ${partition} ${baseOffset} --because "…"\` moves past it and keeps its bytes`;
    const why = `the batch at offset ${baseOffset} cannot be read: ${detail}; ${remedy}`;
    waitAt({ lastOffset, why }, payload, dependencies);
    dependencies.log.error("batch cannot be read", { topic, partition, offset: baseOffset, lastOffset, detail });
    return;
  }
  // A transaction's marker occupies an offset but is not a record.
  resolveOffset(batch.lastOffset());
  progress.seen(topic, partition, { next: String(BigInt(batch.lastOffset()) + 1n) });
}

/** Leaves a partition at what only a person can settle; all others go on. */
function waitAt(block: Block, { batch, pause }: EachBatchPayload, { progress }: Dependencies) {
  progress.blocked(batch.topic, batch.partition, block);
  setTimeout(pause(), fetchAgainAfterMs).unref();
}

/** Gives why nothing of the slice may be dead-lettered, where that is so. */
async function storeSlice(
  { topic, partition }: Batch,
  slice: readonly Message[],
  route: Route,
  { sink, deadLetters, deadLetterExcess, metrics }: Dependencies,
  abandon: AbortSignal,
): Promise<string | undefined> {
  const { writes, letters, ignored = 0 } = await route(slice, abandon, partition);
  const refused = await sink.write(writes, abandon);
  const [oldest] = writes;
  if (oldest) metrics.storedSeconds.observe({ topic }, (Date.now() - Number(oldest.message.timestamp)) / 1_000);
  const dead = [...letters, ...refused];
  const excess = deadLetterExcess({ topic, partition }, slice, dead);
  if (excess !== undefined) return excess;
  if (dead.length > 0) await deadLetters.send({ topic, partition }, dead, abandon);
  for (const { committedMs } of writes)
    if (committedMs !== undefined) metrics.committedSeconds.observe((Date.now() - committedMs) / 1_000);
  metrics.records.inc({ topic, outcome: "stored" }, slice.length - dead.length - ignored);
  metrics.records.inc({ topic, outcome: "ignored" }, ignored);
  metrics.records.inc({ topic, outcome: "dead_lettered" }, dead.length);
  return undefined;
}

/**
 * Keeps the membership alive while `work` takes its time. When the group does not want this member any longer, `work`
 * is told to abandon what it waits for, and the group's answer is thrown. What is under way then is repeated by the
 * partition's next owner, which changes nothing.
 */
async function whileBeating<T>(
  heartbeat: () => Promise<void>,
  halt: AbortSignal,
  work: (abandon: AbortSignal) => Promise<T>,
): Promise<T> {
  const abandon = new AbortController();
  const abort = () => abandon.abort(halt.reason);
  halt.addEventListener("abort", abort, { once: true });
  const timer = setInterval(() => void heartbeat().catch((error: unknown) => abandon.abort(error)), heartbeatEveryMs);
  try {
    return await work(abandon.signal);
  } finally {
    clearInterval(timer);
    halt.removeEventListener("abort", abort);
  }
}
