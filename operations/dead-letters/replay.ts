import type { Message as KafkaMessage } from "kafkajs";
import { forgottenTopicOf } from "../../contract/entity.ts";
import { replayHeaders } from "../../contract/topics.ts";
import { shownAddress } from "../../runtime/addresses.ts";
import type { Config } from "../../runtime/config.ts";
import { nullHeader } from "../../runtime/kafka/null-headers.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import type { Message, Route } from "../../stream/change.ts";
import { readForgotten } from "../../stream/forgotten/notes.ts";
import { openRoutes } from "../../stream/routes.ts";
import { type Clients, readRange } from "../topic-log.ts";
import { type Settle, type Settling, withLedger } from "./ledger.ts";
import { type Letter, originalHeaders, readLetter } from "./letter.ts";
import type { Entry } from "./letter-log.ts";
import { Irreparable, openRepair, type Repair, type Values } from "./repair.ts";
import { positionOf, rangeAround, readSelected, type Selection } from "./selection.ts";
import { settlementKey } from "./settlement.ts";

export interface Dependencies extends Clients {
  config: Pick<Config, "kafka" | "cdc" | "consumer" | "schemaRegistry" | "manageSchema">;
  registry: Registry;
  log: Log;
  /** The name of the operator's account. */
  by: string;
}

export interface ReplayOptions {
  /** New values of fields, the same for every chosen letter. */
  values: Values;
  /** Whether letters are replayed that have failed too often, would fail again or were dismissed. */
  force: boolean;
  /** Whether to send nothing. */
  dryRun: boolean;
  onProgress?: (replayed: number, chosen: number) => void;
  onInterruption?: (error: unknown) => void;
}

/** A letter that was not replayed. */
export interface Refusal {
  letter: string;
  reason: string;
  why: string;
}

export interface ReplayReport {
  /** Letters whose record was put back on its topic; with `dryRun`, those for which that would be done. */
  replayed: number;
  refused: Refusal[];
  /** Chosen letters that were settled already. */
  settledBefore: number;
}

/** A record may fail this often after it was replayed before replaying it again takes `force`. */
const maxReplays = 3;
/** The most letters, and bytes, that are replayed in one transaction. */
const maxChunk = { letters: 250, bytes: 512 * 1024 };

/**
 * Puts the records of open letters back on their topics, with their own keys, headers and write times, so that they never
 * win over newer rows. Each record and the note that its letter is settled are written together or not at all: two
 * operators at once, or a command that was killed and done again, send each record once. What would fail again is not
 * sent.
 * @throws FinalError if a chosen position has no letter
 */
export async function replayLetters(
  dependencies: Dependencies,
  selection: Selection,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const { kafka, admin, config } = dependencies;
  const { dryRun, onInterruption } = options;
  const report: ReplayReport = { replayed: 0, refused: [], settledBefore: 0 };
  const prepare = await openPreparation(dependencies, options);
  const pass = async (settle: Settle) => {
    report.refused = []; // of an attempt that was interrupted
    await replayOpen({ ...dependencies, prepare, settle, report }, selection, options);
  };
  if (dryRun) await pass(async () => {});
  else await withLedger({ kafka, admin, config, ...(onInterruption && { onInterruption }) }, pass);
  return report;
}

/** Why a letter would not be replayed; undefined if it would be. Whether it is settled is not looked at. */
export async function obstacleTo(
  dependencies: Dependencies,
  letter: Letter,
  options: Pick<ReplayOptions, "values" | "force">,
): Promise<string | undefined> {
  const prepare = await openPreparation(dependencies, options);
  const prepared = await prepare(letter, { key: settlementKey(letter) });
  return "why" in prepared ? prepared.why : undefined;
}

interface Pass extends Dependencies {
  prepare: Prepare;
  settle: Settle;
  report: ReplayReport;
}

async function replayOpen(
  { kafka, admin, config, prepare, settle, report }: Pass,
  selection: Selection,
  { force, onProgress }: ReplayOptions,
): Promise<void> {
  const { deadLetterTopic } = config.kafka;
  const { entries } = await readSelected({ kafka, admin }, deadLetterTopic, selection);
  const mayAgain = force && "positions" in selection;
  const isOpen = ({ settlement }: Entry) => !settlement || (mayAgain && settlement.action === "dismissed");
  const open = new Map(entries.filter(isOpen).map((entry) => [positionOf(entry), entry]));
  report.settledBefore = entries.length - open.size - report.replayed;
  const chosen = open.size + report.replayed;
  let chunk: Settling[] = [];
  let bytes = 0;
  const flush = async () => {
    if (chunk.length === 0) return;
    await settle(chunk);
    report.replayed += chunk.length;
    onProgress?.(report.replayed, chosen);
    [chunk, bytes] = [[], 0];
  };
  const take = async (message: Message, partition: number) => {
    const entry = open.get(`${partition}:${message.offset}`);
    if (!entry) return;
    const letter = readLetter(message, partition);
    const prepared = await prepare(letter, entry);
    if ("why" in prepared) {
      report.refused.push(prepared);
      return;
    }
    const size = (message.key?.length ?? 0) + (message.value?.length ?? 0) + 500;
    if (chunk.length === maxChunk.letters || bytes + size > maxChunk.bytes) await flush();
    chunk.push(prepared);
    bytes += size;
  };
  const positions = [...open.values()].map(({ partition, offset }) => ({ partition, offset: BigInt(offset) }));
  const range = await rangeAround({ kafka, admin }, deadLetterTopic, positions);
  let before = Promise.resolve();
  const each = ({ partition, messages }: { partition: number; messages: readonly Message[] }) => {
    // One partition after the other: they share the transaction.
    before = before.then(async () => {
      for (const message of messages) await take(message, partition);
    });
    return before;
  };
  await readRange({ kafka, admin }, range, each, { isSkipped: () => true });
  await flush();
}

/** What is to be sent and noted for a letter, or why not. */
type Prepare = (letter: Letter, entry: Pick<Entry, "key">) => Promise<Settling | Refusal>;

async function openPreparation(
  { kafka, admin, config, registry, log, by }: Dependencies,
  { values, force }: Pick<ReplayOptions, "values" | "force">,
): Promise<Prepare> {
  const { routes } = openRoutes({ config, registry: failingOnce(registry, config), log });
  const repair = openRepair({ kafka: config.kafka, registry });
  const fields = Object.keys(values);
  const forgotten = await readForgotten(kafka, forgottenTopicOf(config.kafka.topic));
  const existing = new Set(await admin.listTopics());
  const { topics } = await admin.fetchTopicMetadata({
    topics: [...routes.keys()].filter((name) => existing.has(name)),
  });
  const partitions = new Map(topics.map(({ name, partitions: all }) => [name, all.length]));

  return async (letter, { key }) => {
    const refuse = (why: string) => ({ letter: positionOf(letter), reason: letter.reason, why });
    if (forgotten.isIn(letter.message)) return refuse("it is about somebody who was forgotten");
    const obstacle = obstacleOf(letter, partitions, force);
    if (obstacle) return refuse(obstacle);
    const value = fields.length > 0 ? await repaired(repair, letter, values) : letter.message.value;
    if (value instanceof Irreparable) return refuse(value.message);
    const { topic, partition } = letter.origin!;
    const fault = force ? undefined : await faultOf(routes.get(topic)!, { ...letter.message, value }, partition);
    if (fault) return refuse(fault);
    const attempt = letter.replays + 1;
    const message = { ...recordOf(letter, value, attempt), partition };
    const at = new Date().toISOString();
    const set = fields.length > 0 && { set: fields };
    const settlement = { action: "replayed", at, by, letter: positionOf(letter), attempt, ...set } as const;
    return { key, settlement, record: { topic, message } };
  };
}

/** Why a letter cannot be replayed whatever its value is. */
function obstacleOf(
  { reason, origin, replays }: Letter,
  partitions: ReadonlyMap<string, number>,
  force: boolean,
): string | undefined {
  if (reason === "unreadable_batch") return "its bytes are a whole batch, which cannot be sent as a record";
  if (!origin) return "it does not say where its record comes from";
  const count = partitions.get(origin.topic);
  if (count === undefined) return `its topic ${origin.topic} is none of this pipeline's`;
  if (origin.partition >= count) return `the topic ${origin.topic} has no partition ${origin.partition} any more`;
  if (replays >= maxReplays && !force) return `it has failed again ${replays} times; --force replays it once more`;
  return undefined;
}

async function repaired(repair: Repair, letter: Letter, values: Values): Promise<Buffer | Irreparable> {
  try {
    return await repair(letter, values);
  } catch (error) {
    if (error instanceof Irreparable) return error;
    throw error;
  }
}

const never = new AbortController().signal;

/** The consumer waits for a registry that does not answer; a command does not. */
const failingOnce = (registry: Registry, { schemaRegistry }: Pick<Config, "schemaRegistry">): Registry => ({
  ...registry,
  schemaOf: (id) =>
    registry.schemaOf(id).catch((error: unknown) => {
      throw new FinalError(`the Schema Registry at ${shownAddress(schemaRegistry.url)} does not answer`, {
        cause: error,
      });
    }),
});

/** Why the consumer would not store a record, by its own rules. */
async function faultOf(route: Route, message: Message, partition: number): Promise<string | undefined> {
  const { letters, held } = await route([message], never, partition);
  const [letter] = letters;
  if (held) return held.why;
  return letter && `it would fail again, ${letter.reason}: ${letter.detail}`;
}

/** The record as it was, with the letter and the number of replays in its headers. */
function recordOf({ message, partition, offset }: Letter, value: Buffer | null, attempt: number): KafkaMessage {
  const headers: Record<string, (Buffer | string)[]> = Object.create(null);
  for (const [name, values] of Object.entries(originalHeaders(message.headers)))
    headers[name] = values.map((each) => each ?? nullHeader);
  headers[replayHeaders.letter] = [`${partition}:${offset}`];
  headers[replayHeaders.attempt] = [String(attempt)];
  return { key: message.key, value, headers };
}
