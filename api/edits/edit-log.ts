import { once } from "node:events";
import type { Message, Producer } from "kafkajs";
import type { Histogram } from "prom-client";
import { forgottenTopicOf, idField, valueSubject } from "../../contract/entity.ts";
import { noteRecord } from "../../contract/forgotten.ts";
import { editSchema, encodeEdit, type UserEdit } from "../../contract/user-edits.ts";
import { maxValueBytes } from "../../contract/wire.ts";
import type { Config } from "../../runtime/config.ts";
import { createTopicsOnce } from "../../runtime/kafka/topics.ts";
import { isTransient, openKafka } from "../../runtime/kafka.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import { MissingSchema, together } from "../../runtime/missing.ts";
import { openRegistry } from "../../runtime/registry.ts";
import { retry } from "../../runtime/retry.ts";
import type { Forgotten } from "../../stream/forgotten/forgotten.ts";
import { followForgotten } from "../../stream/forgotten/notes.ts";
import { Problem, unavailable } from "../problem.ts";
import { openBatches } from "./batches.ts";

/** The topic of edits, as far as the API writes to it. */
export interface EditLog {
  /**
   * Resolves once all in-sync replicas have the edit.
   * @throws the 503 problem: at once and with nothing sent while Kafka is away, or if Kafka does not acknowledge in time,
   * and then the edit may be in the topic all the same
   */
  append(edit: UserEdit): Promise<void>;
  /** Notes that a user is to be forgotten, for `bun run forget`. @throws as `append` does */
  forget(id: string, by: string): Promise<void>;
  /** Whether a user was forgotten, as of the last second; false as long as Kafka has never been there. */
  isForgotten(id: string): boolean;
  /** @throws the 503 problem if `append` would throw it at once */
  expectReady(): void;
  /** Why edits cannot be appended at the moment, if so; null until the first attempt to connect has ended. */
  refusal(): string | undefined | null;
  /**
   * Connects, and again whenever a send has failed, retrying indefinitely. Resolves when `stop` aborts; edits in flight
   * are then still sent.
   * @throws FinalError if the Schema Registry refuses the schema
   */
  keepConnected(stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** How long Kafka may take to acknowledge an edit, attempts included, in milliseconds. */
const acknowledgeWithinMs = 4_000;
/** The longest pause before Kafka is asked again, in milliseconds. */
const maxWaitMs = 2_000;
/** How long `refusal` waits for the outcome of the first attempt to connect, in milliseconds. */
const firstAttemptMs = 10_000;
const closeWithinMs = 1_000;

interface Connection {
  forgotten: Forgotten;
  producer: Producer;
  schemaId: number;
  /** Aborts once a send has failed. */
  failed: AbortController;
}

export function openEditLog(
  config: Pick<Config, "kafka" | "cdc" | "schemaRegistry" | "manageSchema">,
  log: Log,
  seconds: Pick<Histogram, "startTimer">,
): EditLog {
  const topic = config.kafka.editTopic;
  const connect = connector(config, log);
  const notesTopic = forgottenTopicOf(config.kafka.topic);
  let connection: Connection | undefined;
  let forgotten: Forgotten | undefined;
  let hasTried = false;
  /** What an administrator has to create first. */
  let missing: string | undefined;

  const add = openBatches<Message & { key: string; value: Buffer }>((messages) => send(topic, messages));

  async function send(to: string, messages: Message[]) {
    const { producer, failed } = expectConnection();
    try {
      await acknowledged(() => producer.send({ topic: to, messages, acks: -1 }), log);
    } catch (error) {
      // kafkajs may still be waiting for the broker, so the next edits get a connection of their own.
      failed.abort();
      connection = undefined;
      throw unavailable(error, "Kafka did not acknowledge the edit in time; it may still be applied");
    }
  }

  function expectConnection(): Connection {
    if (!connection) throw unavailable(undefined, `${away}; nothing was changed`);
    return connection;
  }

  return {
    async append(edit) {
      const observe = seconds.startTimer();
      const value = encodeEdit(edit, expectConnection().schemaId);
      if (value.length > maxValueBytes)
        throw new Problem(422, `the edit has ${value.length} bytes, more than the ${maxValueBytes} of a record`);
      await add({ key: edit[idField], value });
      observe();
    },

    forget: (id, by) => send(notesTopic, [noteRecord(id, { at: new Date().toISOString(), by })]),
    isForgotten: (id) => forgotten?.has(id) ?? false,

    expectReady: () => void expectConnection(),
    refusal: () => (connection ? undefined : hasTried ? (missing ?? away) : null),

    async keepConnected(stop) {
      const between = () => {
        hasTried = true;
      };
      setTimeout(between, firstAttemptMs).unref();
      while (!stop.aborted) {
        try {
          connection = await retry(() => connect(stop), {
            what: "connect to Kafka for edits",
            while: (error) => error instanceof MissingSchema || !(error instanceof FinalError),
            stop,
            log,
            between(error) {
              missing = error instanceof MissingSchema ? error.message : undefined;
              between();
            },
            maxWaitMs,
          });
        } catch (error) {
          if (stop.aborted) return;
          throw error;
        }
        hasTried = true;
        forgotten = connection.forgotten;
        log.info("edits are logged", { topic, schemaId: connection.schemaId });
        const { producer, failed } = connection;
        await Promise.race([once(failed.signal, "abort"), once(stop, "abort")]);
        if (failed.signal.aborted) void producer.disconnect().catch(() => {});
      }
    },

    async close() {
      const closing = connection?.producer.disconnect().catch(() => {});
      await Promise.race([closing, Bun.sleep(closeWithinMs)]);
    },
  };
}

const away = "Kafka or the Schema Registry is unavailable at the moment";

/** Returns a function that connects once: the schema's id, the topics, a producer, and who was forgotten. */
function connector(config: Pick<Config, "kafka" | "cdc" | "schemaRegistry" | "manageSchema">, log: Log) {
  const registry = openRegistry(config.schemaRegistry, config.manageSchema);
  const kafka = openKafka(config, "api", log, 0, acknowledgeWithinMs);
  let schemaId: number | undefined;
  let forgotten: Forgotten | undefined;
  return async (stop: AbortSignal): Promise<Connection> => {
    const register = async () => schemaId ?? registry.register(valueSubject(config.kafka.editTopic), editSchema);
    [schemaId] = await together(register(), createTopicsOnce(kafka, config));
    // An idempotent producer of kafkajs must never give up: after a failed send it uses the same sequence numbers for
    // other records, which the broker then takes for repetitions. Here a repetition is harmless: it has the same write time.
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    forgotten ??= await followForgotten({ kafka, topic: forgottenTopicOf(config.kafka.topic), log }, stop);
    return { producer, schemaId, forgotten, failed: new AbortController() };
  };
}

/** Repeats a send while its error is transient. @throws its last error, or that it took too long */
async function acknowledged(send: () => Promise<unknown>, log: Log): Promise<void> {
  const deadline = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`Kafka did not acknowledge within ${acknowledgeWithinMs} ms`);
    deadline.abort(error);
    late.reject(error);
  }, acknowledgeWithinMs);
  const sent = retry(send, { what: "log edits", while: isTransient, stop: deadline.signal, log, maxWaitMs: 500 });
  try {
    await Promise.race([sent, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
