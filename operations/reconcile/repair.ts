import { setTimeout as wait } from "node:timers/promises";
import type { Message, Producer, RecordMetadata } from "kafkajs";
import { forgottenTopicOf, idField, timeField, valueSubject } from "../../contract/entity.ts";
import { User } from "../../contract/user.ts";
import { editSchema, encodeEdit } from "../../contract/user-edits.ts";
import { avroSchema, encode } from "../../contract/wire.ts";
import { readForgotten } from "../../stream/forgotten/notes.ts";
import { partitionLags } from "../lag.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import type { Look } from "./first-look.ts";
import type { Found } from "./reconcile.ts";
import { lookAgain } from "./second-look.ts";
import type { Cause } from "./verdict.ts";

/** What can be done about a user: send its record again, or a store's row as a record; or nothing. */
export type Action = "record again" | "row as a record" | "new edit" | "none";

export interface Repair {
  id: string;
  cause: Cause;
  action: Action;
  /** planned: a dry run. sent: not applied yet. repaired: looked at again, and equal. failed: still wrong. */
  outcome: "planned" | "sent" | "repaired" | "failed" | "none";
  /** What it does or did, or why nothing can be done. */
  explanation: string;
}

/** Header of a record that was sent again: the position of the record it repeats, or the store its row is from. */
const repairHeader = "reconcile.repeats";
/** The author of new edits. */
const author = "reconcile";

const chunkSize = 500;
const appliedWithinMs = 60_000;

/**
 * Repairs what a record at its own write time can repair, and then, where something that is in no topic hides it, by a
 * new edit. Nothing is deleted, and no row overwritten that is newer than its record. Unless `apply`, nothing is sent.
 */
export async function repair(look: Look, found: readonly Found[], apply: boolean): Promise<Repair[]> {
  const repairs: Repair[] = [];
  const producer = apply ? await openProducer(look) : undefined;
  try {
    for (let start = 0; start < found.length; start += chunkSize) {
      look.stop.throwIfAborted();
      // Somebody may have been forgotten since the first look: what is sent now would come after the sweep of the topics.
      const forgotten = await readForgotten(look.clients.kafka, forgottenTopicOf(look.config.kafka.topic));
      const chunk = found.slice(start, start + chunkSize).filter(({ id }) => !forgotten.has(id));
      const plans = (await evidenceOf(look, chunk)).map(planFor);
      repairs.push(...(producer ? await carryOut(look, producer, plans) : plans.map(({ repair }) => repair)));
    }
  } finally {
    await producer?.disconnect();
  }
  return repairs;
}

async function openProducer({ clients }: Look): Promise<Producer> {
  const producer = clients.kafka.producer({ idempotent: true, allowAutoTopicCreation: false });
  await producer.connect();
  return producer;
}

/** How one user would be repaired, or why that cannot be done. */
export const planOf = (evidence: Evidence): Repair => planFor(evidence).repair;

interface Plan {
  repair: Repair;
  evidence: Evidence;
}

function planFor(evidence: Evidence): Plan {
  const { id, cause, record, postgres, fetched } = evidence;
  const plan = (action: Action, explanation: string): Plan => ({
    repair: { id, cause, action, outcome: action === "none" ? "none" : "planned", explanation },
    evidence,
  });
  const whyNot = notRepaired[cause];
  if (whyNot) return plan("none", whyNot);
  if (cause.endsWith("in Cassandra"))
    return record?.change?.kind === "upsert" && record.timeMicros >= (evidence.cassandra?.timeMicros ?? -Infinity)
      ? plan(
          "record again",
          "its record is sent again, at its own write time; if that cannot win, a new edit is made of it",
        )
      : plan("none", "the row in Cassandra is newer than the record, and is not overwritten");
  const user = postgres?.user ?? fetched?.user;
  return User.safeParse(user).success
    ? plan(
        "row as a record",
        `${postgres ? "PostgreSQL's row" : "the run's user"} is sent as a record, at its own time`,
      )
    : plan("none", "its row is not valid");
}

const notRepaired: Partial<Record<Cause, string>> = {
  "newer row in Cassandra":
    "a newer row is not overwritten: edit or delete the user through the API, and its record has it",
  "deleted row in Cassandra": "nothing is deleted: delete the user through the API",
  "row in Cassandra without a record":
    "nothing is deleted: delete the user through the API, or edit it there, and its record has it",
  "other row in PostgreSQL": "its own time cannot win: edit the row in PostgreSQL again",
  "deletion in PostgreSQL": "nothing is deleted: delete the user through the API",
  "dead letter": "see `dead-letters`: correct the record and replay it, or dismiss it",
};

/** Sends what is planned, and looks at the users again. */
async function carryOut(look: Look, producer: Producer, plans: Plan[]): Promise<Repair[]> {
  const planned = plans.filter(({ repair }) => repair.action !== "none");
  const sent = [...(await sendAgain(producer, planned)), ...(await sendRows(look, producer, planned))];
  const unresolved = await settle(look, sent, planned);
  const hidden = unresolved.filter(({ repair, evidence }) => repair.outcome === "failed" && isHidden(evidence));
  if (hidden.length > 0) await settle(look, await sendEdits(look, producer, hidden), hidden);
  return plans.map(({ repair }) => repair);
}

const isHidden = ({ cause, record }: Evidence) => cause.endsWith("in Cassandra") && record?.change?.kind === "upsert";

/** Waits until records are applied and judges their users; returns the plans whose users are still not equal. */
async function settle(look: Look, sent: RecordMetadata[], plans: Plan[]): Promise<Plan[]> {
  const isApplied = await applied(look, sent);
  await look.readOn();
  const indexes = plans.map(({ evidence }) => evidence.index);
  const judgements = await lookAgain(look, indexes);
  return plans.filter(({ repair, evidence }) => {
    const { verdict } = judgements.get(evidence.index)!;
    repair.outcome = verdict === "equal" ? "repaired" : verdict === "late" || !isApplied ? "sent" : "failed";
    if (repair.outcome === "sent") repair.explanation = "the consumer has not applied it yet";
    return repair.outcome !== "repaired";
  });
}

async function sendAgain(producer: Producer, plans: Plan[]): Promise<RecordMetadata[]> {
  const records = plans.flatMap(({ repair, evidence: { record } }) =>
    repair.action === "record again" && record ? [record] : [],
  );
  const messages = records.map(({ topic, partition, offset, message }) => {
    const headers = { ...message.headers, [repairHeader]: `${partition}:${offset}` } as NonNullable<Message["headers"]>;
    return { topic, message: { key: message.key, value: message.value, partition, headers } };
  });
  for (const plan of plans)
    if (plan.repair.action === "record again")
      plan.repair.explanation = "its record was sent again, at its own write time";
  return send(producer, messages);
}

async function sendRows({ clients, config }: Look, producer: Producer, plans: Plan[]): Promise<RecordMetadata[]> {
  const wanted = plans.filter(({ repair }) => repair.action === "row as a record");
  if (wanted.length === 0) return [];
  const { topic } = config.kafka;
  const schemaId = await clients.registry.register(valueSubject(topic), avroSchema);
  const messages = wanted.map(({ repair, evidence: { id, postgres, fetched } }) => {
    const store = postgres ? "PostgreSQL" : `run ${fetched?.run}`;
    repair.explanation = `the row of ${store} was sent as a record, at its own time`;
    const value = encode((postgres?.user ?? fetched?.user) as User, schemaId);
    return { topic, message: { key: id, value, headers: { [repairHeader]: store } } };
  });
  return send(producer, messages);
}

/** Makes new edits of records that something hides; their time is now. */
async function sendEdits({ clients, config }: Look, producer: Producer, plans: Plan[]): Promise<RecordMetadata[]> {
  const topic = config.kafka.editTopic;
  const schemaId = await clients.registry.register(valueSubject(topic), editSchema);
  const now = Date.now();
  const messages = plans.flatMap(({ repair, evidence: { id, record } }) => {
    if (record?.change?.kind !== "upsert") return [];
    repair.action = "new edit";
    repair.explanation =
      "its own time could not win against a deletion or a write that is in no topic, so a new edit was made of it";
    const user: User = { ...record.change.user, [timeField]: new Date(now).toISOString() };
    const edit = {
      [idField]: id,
      operation: "upsert" as const,
      user,
      write_time: now * 1_000,
      author,
      request_id: crypto.randomUUID(),
    };
    return [{ topic, message: { key: id, value: encodeEdit(edit, schemaId) } }];
  });
  return send(producer, messages);
}

async function send(producer: Producer, messages: { topic: string; message: Message }[]): Promise<RecordMetadata[]> {
  const sent: RecordMetadata[] = [];
  for (const [topic, ofTopic] of Map.groupBy(messages, ({ topic }) => topic)) {
    const results = await producer.send({ topic, acks: -1, messages: ofTopic.map(({ message }) => message) });
    sent.push(...results);
  }
  return sent;
}

/** Whether the group commits these records in time; false at once if nobody is in the group. */
async function applied({ clients, config, stop }: Look, sent: RecordMetadata[]): Promise<boolean> {
  if (sent.length === 0) return true;
  const { admin } = clients;
  const { groupId } = config.consumer;
  const topics = [...new Set(sent.map(({ topicName }) => topicName))];
  const ends = new Map<string, bigint>();
  for (const topic of topics)
    for (const { partition, high } of await admin.fetchTopicOffsets(topic))
      ends.set(`${topic}/${partition}`, BigInt(high));
  const isDone = async () => {
    for (const topic of topics)
      for (const { partition, next } of await partitionLags(admin, groupId, topic))
        if (next < (ends.get(`${topic}/${partition}`) ?? 0n)) return false;
    return true;
  };
  for (const until = performance.now() + appliedWithinMs; performance.now() < until; ) {
    if (await isDone()) return true;
    const { groups } = await admin.describeGroups([groupId]);
    if (groups.every(({ members }) => members.length === 0)) return false;
    await wait(200, undefined, { signal: stop });
  }
  return false;
}
