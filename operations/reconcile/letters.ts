import { settledTopicOf } from "../../contract/entity.ts";
import type { Message } from "../../stream/change.ts";
import { idIn, readLetter } from "../dead-letters/letter.ts";
import { readSettlement, settlementKey } from "../dead-letters/settlement.ts";
import { type Clients, type Offsets, rangeOf, readRange } from "../topic-log.ts";
import type { Newest } from "./fold.ts";
import type { Facts } from "./verdict.ts";

/** The last dead letter of a user. */
export interface UserLetter {
  /** The original's position. */
  topic: string;
  partition: number;
  offset: number;
  /** When the original was produced, in milliseconds since 1970; null if the letter does not say. */
  producedMs: number | null;
  reason: string;
  /** The letter's own position in the dead-letter topic. */
  letter: { partition: number; offset: string };
  /** Whether it has been replayed or dismissed. */
  isSettled: boolean;
}

/**
 * The last dead letter of each user whose id is in the original's key, and how many letters have no id there. Memory is
 * in proportion to the letters.
 */
export async function lettersByUser(clients: Clients, deadLetterTopic: string, stop?: AbortSignal) {
  const letters = new Map<string, UserLetter & { key: string }>();
  const settled = new Set<string>();
  let ofNobody = 0;
  const settledTopic = settledTopicOf(deadLetterTopic);
  const range = await rangeOf(clients.admin, [deadLetterTopic, settledTopic]);
  const remember = (message: Message, at: number) => {
    const read = readLetter(message, at);
    const { origin, producedMs, reason, partition, offset } = read;
    const id = idIn(message.key);
    if (id === undefined || origin === null) ofNobody++;
    else
      letters.set(id, {
        ...origin,
        offset: Number(origin.offset),
        producedMs,
        reason,
        letter: { partition, offset },
        key: settlementKey(read),
        isSettled: false,
      });
  };
  const settle = (message: Message) => {
    const key = readSettlement(message)?.key;
    if (key !== undefined) settled.add(key);
  };
  await readRange(
    clients,
    range,
    ({ topic, messages, partition }) => {
      for (const message of messages) topic === settledTopic ? settle(message) : remember(message, partition);
    },
    { isSkipped: () => true, stop },
  );
  for (const letter of letters.values()) letter.isSettled = settled.has(letter.key);
  return { letters: letters as ReadonlyMap<string, UserLetter>, ofNobody };
}

/**
 * What a letter says of the newest record of its user; nothing if something newer has been stored. `first` are the first offsets
 * of the topics: if the original was before them, the records after it may be older ones that `forget` has appended again.
 */
export function letterAgainst(newest: Newest | null, letter: UserLetter | undefined, first: Offsets): Facts["letter"] {
  if (!letter) return null;
  const { isSettled } = letter;
  if (!newest) return { isOfNewest: false, isSettled };
  const isSamePartition = letter.topic === newest.topic && letter.partition === newest.partition;
  if (isSamePartition && letter.offset === newest.offset) return { isOfNewest: true, isSettled };
  const isInOrder = letter.offset >= Number(first.get(letter.topic)?.get(letter.partition) ?? 0n);
  const isSuperseded =
    (isSamePartition && isInOrder && letter.offset < newest.offset) ||
    newest.timeMicros / 1_000 >= (letter.producedMs ?? Number.POSITIVE_INFINITY);
  return isSuperseded ? null : { isOfNewest: false, isSettled };
}
