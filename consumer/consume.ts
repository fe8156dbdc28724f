import {
  type Batch,
  type EachBatchPayload,
  type Kafka,
  KafkaJSConnectionError,
  KafkaJSError,
  KafkaJSProtocolError,
} from "kafkajs";
import type { Config } from "../runtime/config.ts";
import { setFetchSize } from "../runtime/kafka/fetch-sizes.ts";
import { type UnreadableBatch, unreadableAfter } from "../runtime/kafka/record-batch.ts";
import type { Log } from "../runtime/log.ts";
import { operatorCommand } from "../runtime/operator-command.ts";
import type { Sink } from "../stream/cassandra/sink.ts";
import type { Held, Message, Route } from "../stream/change.ts";
import type { openDeadLetterLimit } from "./dead-letter-limit.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Metrics } from "./metrics.ts";
import type { Block, Progress } from "./progress.ts";
import { slicesOf } from "./slices.ts";

interface Dependencies {
  kafka: Kafka;
  config: Pick<Config, "kafka" | "consumer">;
  /** How to read the records of each topic; its keys are the subscribed topics. */
  routes: ReadonlyMap<string, Route>;
  /** Called on each assignment: every partition is then read from its committed offset, which others may have moved. */
  onAssignment?: () => void;
  sink: Sink;
  deadLetters: DeadLetters;
  deadLetterExcess: ReturnType<typeof openDeadLetterLimit>;
  progress: Progress;
  metrics: Pick<Metrics, "records" | "sliceSeconds" | "storedSeconds" | "committedSeconds">;
  log: Log;
}

/** The dependencies of one run, and its pauses. */
interface Running extends Dependencies {
  pauses: ReturnType<typeof openPauses>;
}

/** kafkajs waits for a running fetch before it stops, so this adds to how long stopping takes. */
const maxFetchWaitMs = 1_000;
/** What is fetched of all partitions is in memory at once. */
const maxBytesPerPartition = 256 * 1024;
/** A change event is ten times as large as a user's record, so this is some 700 events of the one partition they have. */
const maxBytesOfChanges = 1024 ** 2;
/** How soon a consumer notices that others came or went, in milliseconds: until all have noticed, none reads. */
const heartbeatEveryMs = 500;
/** How long a blocked partition pauses before it is fetched again: the batch may be intact on another replica. */
const fetchAgainAfterMs = 30_000;
/** How long leaving the group may take, in milliseconds. */
const closeWithinMs = 8_000;

/**
 * Consumes until `stop`: finishes the current slices, commits, leaves the group and resolves. Rejects on an unknown
 * error; the process should then exit and be restarted, since all unresolved records are read again.
 */
export async function consume(dependencies: Dependencies, stop: AbortSignal): Promise<void> {
  const { routes, progress, onAssignment } = dependencies;
  const consumer = createConsumer(dependencies);
  const shutdown = openShutdown(stop);
  const pauses = openPauses();
  const running: Running = { ...dependencies, pauses };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    progress.joined(payload.memberAssignment);
    pauses.end();
    onAssignment?.();
  });
  consumer.on(consumer.events.HEARTBEAT, () => progress.heard());
  consumer.on(consumer.events.REBALANCING, () => progress.left());
  consumer.on(consumer.events.STOP, () => progress.left());
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) shutdown.fail(payload.error);
  });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...routes.keys()], fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      // Commits after each slice, and also past offsets that reach no slice (transaction markers and the records of
      // aborted transactions), which would otherwise count as lag until the next record arrives.
      autoCommitThreshold: 1,
      partitionsConsumedConcurrently: 4,
      eachBatch: (payload) =>
        storeBatch(payload, running, shutdown.halt).catch((error: unknown) => {
          // kafkajs handles its own errors (a rebalance, a lost connection); any other is unknown and ends the process.
          if (!(error instanceof KafkaJSError)) shutdown.fail(error);
          throw error;
        }),
    });
    await shutdown.requested;
  } finally {
    shutdown.release();
    // If Kafka is unavailable this may fail or hang; everything committed stays committed.
    await Promise.race([consumer.disconnect().catch(() => {}), Bun.sleep(closeWithinMs)]);
  }
  shutdown.throwIfFailed(); // including a failure while the current slices were being finished
}

function createConsumer({ kafka, config }: Dependencies) {
  setFetchSize(config.kafka.changeTopic, maxBytesOfChanges);
  return kafka.consumer({
    groupId: config.consumer.groupId,
    sessionTimeout: config.consumer.sessionTimeoutMs,
    heartbeatInterval: heartbeatEveryMs,
    minBytes: 1,
    maxWaitTimeInMs: maxFetchWaitMs,
    maxBytesPerPartition,
    allowAutoTopicCreation: false,
    // By default kafkajs restarts indefinitely, or idles after a TypeError; the process exits and is restarted instead.
    retry: { restartOnFailure: async (error) => isBrokerAway(error) },
  });
}

/** kafkajs gives up joining when a connection closes, or while another broker becomes the coordinator. */
const isBrokerAway = (error: Error) =>
  error instanceof KafkaJSConnectionError ||
  (error instanceof KafkaJSProtocolError &&
    ["GROUP_LOAD_IN_PROGRESS", "GROUP_COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR_FOR_GROUP"].includes(error.type));

/** Shuts down when `stop` is aborted or something fails: either aborts `halt` and resolves `requested`. */
function openShutdown(stop: AbortSignal) {
  const requested = Promise.withResolvers<void>();
  const halt = new AbortController();
  const failures: unknown[] = [];
  const end = (reason: unknown) => {
    halt.abort(reason);
    requested.resolve();
  };
  const onStop = () => end(stop.reason);
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  return {
    halt: halt.signal,
    requested: requested.promise,
    fail(error: unknown) {
      failures.push(error);
      end(error);
    },
    release() {
      stop.removeEventListener("abort", onStop);
      halt.abort(new Error("the consumer has ended"));
    },
    throwIfFailed() {
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** Offsets move only after every record of a slice is stored or dead-lettered. */
async function storeBatch(payload: EachBatchPayload, dependencies: Running, halt: AbortSignal): Promise<void> {
  const { batch, resolveOffset, commitOffsetsIfNecessary, heartbeat, isRunning, isStale } = payload;
  const { config, routes, progress, metrics } = dependencies;
  const { topic, partition, highWatermark } = batch;
  const route = routes.get(topic);
  if (!route) throw new Error(`no route for topic ${topic}`);

  const unreadable = unreadableAfter(batch.messages);
  const messages = (unreadable ? batch.messages.slice(0, -1) : batch.messages) as Message[];
  progress.seen(topic, partition, { next: messages[0]?.offset ?? unreadable?.baseOffset ?? "0", end: highWatermark });
  for (const slice of slicesOf(messages, config.consumer.sliceRows)) {
    if (!isRunning() || isStale() || halt.aborted) return; // unresolved, so it is read again
    const observe = metrics.sliceSeconds.startTimer({ topic });
    let outcome: Outcome;
    try {
      const store = (abandon: AbortSignal) => storeSlice(batch, slice, route, dependencies, abandon);
      outcome = await withHeartbeats(heartbeat, halt, store);
    } catch (error) {
      if (error === halt.reason) return; // halted while waiting for an unavailable service
      throw error;
    }
    const { excess, held, done } = outcome;
    if (excess !== undefined) return blockAtExcess(slice, excess, payload, dependencies);
    const last = done.at(-1)?.offset;
    if (last !== undefined) {
      resolveOffset(last); // the only permission to advance
      observe();
      progress.seen(topic, partition, { next: String(BigInt(last) + 1n) });
      await commitOffsetsIfNecessary();
      await heartbeat();
    }
    if (held) return blockAtHeld(held, payload, dependencies);
  }
  if (unreadable) return blockAtUnreadable(unreadable, payload, dependencies);
  // A transaction's marker occupies an offset but is not a record.
  resolveOffset(batch.lastOffset());
  progress.seen(topic, partition, { next: String(BigInt(batch.lastOffset()) + 1n) });
}

function blockAtExcess(
  slice: readonly [Message, ...Message[]],
  excess: string,
  payload: EachBatchPayload,
  dependencies: Running,
) {
  const { topic, partition } = payload.batch;
  block({ lastOffset: slice.at(-1)!.offset, why: excess }, payload, dependencies);
  dependencies.log.error("too many dead letters", { topic, partition, offset: slice[0].offset, detail: excess });
}

function blockAtUnreadable(unreadable: UnreadableBatch, payload: EachBatchPayload, dependencies: Running) {
  const { topic, partition } = payload.batch;
  const { baseOffset, lastOffset, detail } = unreadable;
  const skip = operatorCommand(`skip ${topic} ${partition} ${baseOffset} --because "…"`);
  const remedy = `${skip} moves past it and keeps its bytes`;
  const why = `the batch at offset ${baseOffset} cannot be read: ${detail}; ${remedy}`;
  block({ lastOffset, why }, payload, dependencies);
  dependencies.log.error("batch cannot be read", { topic, partition, offset: baseOffset, lastOffset, detail });
}

/** Leaves a record of a newer contract, and all after it, to a newer consumer: read by this one, it would lose fields. */
function blockAtHeld({ offset, why }: Held, payload: EachBatchPayload, dependencies: Running) {
  const { topic, partition } = payload.batch;
  block({ lastOffset: offset, why }, payload, dependencies);
  dependencies.log.error("record of a newer contract", { topic, partition, offset, detail: why });
}

/** Pauses a partition that needs a person to fix it; all others continue. */
function block(at: Block, { batch, pause }: EachBatchPayload, { progress, pauses }: Running) {
  progress.blocked(batch.topic, batch.partition, at);
  pauses.begin(pause());
}

/** Pauses of partitions: each ends after a while, and all end with the assignment, which another consumer may share. */
function openPauses() {
  const resumes = new Set<() => void>();
  return {
    begin(resume: () => void) {
      resumes.add(resume);
      setTimeout(() => resumes.delete(resume) && resume(), fetchAgainAfterMs).unref();
    },
    end() {
      for (const resume of resumes) resume();
      resumes.clear();
    },
  };
}

/** What became of a slice: `done` are its records up to the held one. */
interface Outcome {
  done: readonly Message[];
  held?: Held;
  /** Why too many would be dead letters; none of them is sent then, and none of the records is done. */
  excess?: string;
}

/** Stores or dead-letters a slice, up to the first record that the route holds. */
async function storeSlice(
  { topic, partition }: Batch,
  slice: readonly Message[],
  route: Route,
  { sink, deadLetters, deadLetterExcess, metrics }: Dependencies,
  abandon: AbortSignal,
): Promise<Outcome> {
  const { writes, letters, ignored = 0, held } = await route(slice, abandon, partition);
  const done = held ? slice.filter(({ offset }) => BigInt(offset) < BigInt(held.offset)) : slice;
  const refused = await sink.write(writes, abandon);
  const [oldest] = writes;
  if (oldest) metrics.storedSeconds.observe({ topic }, (Date.now() - Number(oldest.message.timestamp)) / 1_000);
  const dead = [...letters, ...refused];
  const excess = deadLetterExcess({ topic, partition }, done, dead);
  if (excess !== undefined) return { done: [], excess };
  if (dead.length > 0) await deadLetters.send({ topic, partition }, dead, abandon);
  for (const { committedMs } of writes)
    if (committedMs !== undefined) metrics.committedSeconds.observe((Date.now() - committedMs) / 1_000);
  metrics.records.inc({ topic, outcome: "stored" }, done.length - dead.length - ignored);
  metrics.records.inc({ topic, outcome: "ignored" }, ignored);
  metrics.records.inc({ topic, outcome: "dead_lettered" }, dead.length);
  return { done, ...(held && { held }) };
}

/**
 * Sends heartbeats while `work` runs. If a heartbeat fails, for instance because the group has removed this member,
 * `abandon` is aborted with its error: `work` stops waiting and throws it. The partition's next owner repeats any write
 * already sent, which changes nothing.
 */
async function withHeartbeats<T>(
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
