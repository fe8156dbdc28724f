import { plural } from "../../contract/entity.ts";
import type { Config } from "../../runtime/config.ts";
import type { Finding, Service } from "../doctor/finding.ts";
import type { History } from "./history.ts";
import { type Stage, stages } from "./run.ts";

export type HopName =
  | "source"
  | "airflow"
  | Stage
  | "postgres"
  | "capture"
  | "created"
  | "edits"
  | "changes"
  | "letters"
  | "registry"
  | "consumer"
  | "cassandra"
  | "api";

/** `unknown`: it was not looked at, or has not answered yet. */
export type State = "good" | "warn" | "bad" | "unknown";

/** One place that records pass. What is not known is missing. */
export interface Hop {
  name: HopName;
  title: string;
  state: State;
  /** The state in a word or two: "works", "away", "stands still". */
  word: string;
  /** Since when it is away or stands still, in milliseconds since 1970. */
  sinceMs?: number;
  count?: { of: number; unit: string; isEstimate?: boolean };
  perSecond?: number;
  behind?: { records?: number; seconds?: number; bytes?: number };
  /** When something last moved there, in milliseconds since 1970. */
  movedMs?: number;
  /** Something else worth knowing, such as "2 rejected". */
  note?: string;
  findings: Finding[];
}

/** The pipeline as it is configured. */
export interface Subject {
  config: Config;
  isNative: boolean;
  sourceUrl: string;
  isEmbedded: boolean;
}

/** Every hop as it was last seen, without what doctor has found. */
export function hopsOf(subject: Subject, history: History, nowMs: number): Hop[] {
  const { config } = subject;
  const { topic, editTopic, changeTopic, deadLetterTopic } = config.kafka;
  const hasCapture = config.cdc.apply;
  return [
    {
      ...base("source", subject.isEmbedded ? "embedded source" : new URL(subject.sourceUrl).hostname),
      ...ofService(history, "the embedded source", subject.isEmbedded),
      note: new URL(subject.sourceUrl).host,
    },
    { ...base("airflow", "Airflow"), ...ofService(history, "Airflow") },
    ...stages.map((stage) => stageHop(history, stage)),
    postgresHop(history),
    ...(hasCapture ? [captureHop(history, changeTopic)] : []),
    topicHop(history, "created", topic),
    topicHop(history, "edits", editTopic),
    ...(hasCapture ? [topicHop(history, "changes", changeTopic)] : []),
    lettersHop(history, deadLetterTopic),
    { ...base("registry", "Schema Registry"), ...ofService(history, "Schema Registry") },
    consumerHop(history, config.consumer.stalledAfterMs, nowMs),
    cassandraHop(history),
    apiHop(history),
  ];
}

const base = (name: HopName, title: string): Hop => ({
  name,
  title,
  state: "unknown",
  word: "not looked at",
  findings: [],
});

type Stated = Pick<Hop, "state" | "word" | "sinceMs">;

/** The state of a service. */
function ofService(history: History, service: Service, isLookedAt = true): Stated {
  const trouble = history.trouble(service);
  if (trouble?.isAway) return { state: "bad", word: "away", sinceMs: trouble.sinceMs };
  if (trouble) return { state: "warn", word: "no answer", sinceMs: trouble.sinceMs };
  if (!isLookedAt || !history.last()) return { state: "unknown", word: "not looked at" };
  return { state: "good", word: "works" };
}

const taskStates: Record<string, Stated> = {
  success: { state: "good", word: "done" },
  running: { state: "good", word: "running" },
  queued: { state: "good", word: "queued" },
  scheduled: { state: "good", word: "scheduled" },
  failed: { state: "bad", word: "failed" },
  upstream_failed: { state: "bad", word: "not run" },
  up_for_retry: { state: "warn", word: "will retry" },
};

function stageHop(history: History, stage: Stage): Hop {
  const hop = base(stage, stage);
  const run = history.last()?.run;
  const airflow = ofService(history, "Airflow");
  if (airflow.state !== "good") hop.word = "not known";
  if (run === undefined) return hop;
  if (run === "none") return { ...hop, word: "no run yet" };
  const task = run.stages.get(stage);
  const { state = "unknown" as const, word = task?.state ?? "not begun" } = taskStates[task?.state ?? ""] ?? {};
  const { written, rejected } = task?.counts ?? {};
  return {
    ...hop,
    state,
    word,
    ...(written !== undefined && { count: { of: written, unit: plural } }),
    ...(written && task?.duration && { perSecond: written / task.duration }),
    ...(task?.endedMs !== undefined && { movedMs: task.endedMs }),
    ...(rejected && { note: `${rejected} rejected` }),
  };
}

function postgresHop(history: History): Hop {
  const look = history.last();
  const written = history.counter("postgres");
  const run = look?.run;
  const movedMs = written?.movedMs ?? (run && run !== "none" ? run.stages.get("backup")?.endedMs : undefined);
  return {
    ...base("postgres", "PostgreSQL"),
    ...ofService(history, "PostgreSQL"),
    ...(look?.postgres && { count: { ...look.postgres.rows, unit: "rows" } }),
    ...rateOf(written),
    ...(movedMs !== undefined && { movedMs }),
  };
}

function captureHop(history: History, changeTopic: string): Hop {
  const look = history.last();
  const service = ofService(history, "Kafka Connect");
  const hop = { ...base("capture", "Debezium"), ...service };
  const lag = look?.postgres?.slotLagBytes;
  const known: Hop = {
    ...hop,
    ...rateOf(history.counter(changeTopic)),
    ...(lag != null && { behind: { bytes: lag } }),
    ...movedOf(history, changeTopic),
  };
  const { connector, task } = look?.connector ?? {};
  if (service.state !== "good" || connector === undefined || task === undefined) return known;
  if (connector === "MISSING") return { ...known, state: "bad", word: "not registered" };
  const worst = connector === "RUNNING" ? task : connector;
  return worst === "RUNNING" ? { ...known, word: "running" } : { ...known, state: "bad", word: worst.toLowerCase() };
}

function topicHop(history: History, name: HopName, topic: string): Hop {
  const look = history.last();
  const facts = look?.topics?.get(topic);
  return {
    ...base(name, topic),
    ...ofService(history, "Kafka"),
    ...(facts && { count: { of: facts.records, unit: "records" } }),
    ...rateOf(history.counter(topic)),
    ...(look && facts?.unread !== undefined && { behind: behindOf(facts.unread, facts.oldestUnreadMs, look.atMs) }),
    ...movedOf(history, topic),
  };
}

function lettersHop(history: History, topic: string): Hop {
  const look = history.last();
  const total = look?.topics?.get(topic)?.records;
  const open = look?.openLetters && Object.values(look.openLetters).reduce((sum, each) => sum + each, 0);
  const stated = ofService(history, "Kafka");
  const hop: Hop = {
    ...base("letters", "dead letters"),
    ...stated,
    ...rateOf(history.counter(topic)),
    ...movedOf(history, topic),
  };
  if (total === undefined) return hop;
  if (open === undefined) return { ...hop, count: { of: total, unit: "in all" } };
  const isOpen = stated.state === "good" && open > 0;
  return {
    ...hop,
    ...(stated.state === "good" && { word: "none open" }),
    ...(isOpen && { state: "warn" as const, word: "open" }),
    count: { of: open, unit: "open" },
    note: `of ${total.toLocaleString("en")}`,
  };
}

/** How long unread records may wait before it is worth a word, in milliseconds. */
const waitsAfterMs = 5_000;

function consumerHop(history: History, stalledAfterMs: number, nowMs: number): Hop {
  const look = history.last();
  const facts = [...(look?.topics?.values() ?? [])].filter(({ unread }) => unread !== undefined);
  const unread = facts.reduce((sum, each) => sum + (each.unread ?? 0), 0);
  const times = facts.flatMap(({ oldestUnreadMs }) => oldestUnreadMs ?? []);
  const oldestMs = times.length > 0 ? Math.min(...times) : undefined;
  const read = history.counter("read");
  const stated = ofService(history, "the consumer");
  const newest = Math.max(0, ...facts.map(({ topic }) => look?.newestMs?.get(topic) ?? 0));
  const movedMs = read?.movedMs ?? (unread === 0 ? newest || undefined : undefined);
  const hop: Hop = {
    ...base("consumer", "consumer"),
    ...stated,
    ...(facts.length > 0 && read && { count: { of: read.value, unit: "read" } }),
    ...rateOf(read),
    ...(facts.length > 0 && { behind: behindOf(unread, oldestMs, look?.atMs ?? nowMs) }),
    ...(movedMs !== undefined && { movedMs }),
  };
  const sinceMs = Math.max(read?.movedMs ?? 0, oldestMs ?? 0);
  const stillMs = nowMs - sinceMs;
  if (stated.state !== "good" || unread === 0 || sinceMs === 0 || stillMs < waitsAfterMs) return hop;
  return { ...hop, state: stillMs > stalledAfterMs ? "bad" : "warn", word: "stands still", sinceMs };
}

function cassandraHop(history: History): Hop {
  const rows = history.last()?.cassandra;
  const moved = history.counter("stored")?.movedMs ?? history.counter("read")?.movedMs;
  return {
    ...base("cassandra", "Cassandra"),
    ...ofService(history, "Cassandra"),
    ...(rows && { count: { of: rows.of, isEstimate: rows.isEstimate, unit: "rows" } }),
    ...rateOf(history.counter("stored")),
    ...(moved !== undefined && { movedMs: moved }),
  };
}

function apiHop(history: History): Hop {
  const requests = history.counter("requests");
  return {
    ...base("api", "API"),
    ...ofService(history, "the API"),
    ...(requests && { count: { of: requests.value, unit: "requests" } }),
    ...rateOf(requests),
    ...(requests?.movedMs !== undefined && { movedMs: requests.movedMs }),
  };
}

const rateOf = (counter: ReturnType<History["counter"]>) =>
  counter?.perSecond === undefined ? {} : { perSecond: counter.perSecond };

function movedOf(history: History, topic: string): Pick<Hop, "movedMs"> {
  const movedMs = history.counter(topic)?.movedMs ?? history.last()?.newestMs?.get(topic);
  return movedMs === undefined ? {} : { movedMs };
}

/** As of the look: what was unread then may have been read since. */
const behindOf = (records: number, oldestMs: number | undefined, nowMs: number): NonNullable<Hop["behind"]> => ({
  records,
  ...(records === 0 && { seconds: 0 }),
  ...(records > 0 && oldestMs !== undefined && { seconds: Math.max(0, (nowMs - oldestMs) / 1_000) }),
});
