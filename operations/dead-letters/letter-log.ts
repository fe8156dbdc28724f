import { settledTopicOf } from "../../contract/entity.ts";
import type { Message } from "../../stream/change.ts";
import { type Clients, type Range, rangeOf, readRange } from "../topic-log.ts";
import { type Letter, readLetter } from "./letter.ts";
import { readSettlement, type Settlement, settlementKey } from "./settlement.ts";

/** A letter without its record, and whether it is settled. */
export interface Entry extends Omit<Letter, "message" | "detail" | "because"> {
  key: string;
  settlement: Settlement | undefined;
}

/** Which letters; without any condition all of them. */
export interface Filter {
  reason?: string;
  /** The topic of the original. */
  topic?: string;
  /** Written since then, in milliseconds since 1970. */
  sinceMs?: number;
}

/** The dead-letter topic as it is now. */
export interface LetterLog {
  /** By position; of letters about the same record, the first. */
  entries: Entry[];
  /** Batches of the topic itself that cannot be read. */
  unreadableBatches: number;
}

/**
 * Reads the letters of a filter and which of them are settled. Anything may be in the topic: what says nothing about
 * itself is a letter without an origin. Memory is in proportion to the letters, not to their values.
 */
export async function readLetterLog(
  clients: Clients,
  deadLetterTopic: string,
  filter: Filter = {},
): Promise<LetterLog> {
  const range = await rangeOf(clients.admin, [deadLetterTopic], filter.sinceMs);
  return readEntries(clients, deadLetterTopic, range, (letter) => fits(letter, filter));
}

/** Reads a range of the dead-letter topic, and which of its letters are settled. */
export async function readEntries(
  clients: Clients,
  deadLetterTopic: string,
  letters: Range,
  isWanted: (letter: Letter) => boolean = () => true,
): Promise<LetterLog> {
  const settledTopic = settledTopicOf(deadLetterTopic);
  const settlements = await rangeOf(clients.admin, [settledTopic]);
  const range = {
    from: new Map([...letters.from, ...settlements.from]),
    to: new Map([...letters.to, ...settlements.to]),
  };
  const found = new Map<string, Omit<Entry, "settlement">>();
  const settled = new Map<string, Settlement>();
  let unreadableBatches = 0;

  function remember(message: Message, partition: number) {
    const letter = readLetter(message, partition);
    if (!isWanted(letter)) return;
    const key = settlementKey(letter);
    const { message: _, detail: __, because: ___, ...entry } = letter;
    if (!found.has(key)) found.set(key, { ...entry, key });
  }
  function settle(message: Message) {
    const read = readSettlement(message);
    if (read) settled.set(read.key, read.settlement);
  }
  await readRange(
    clients,
    range,
    ({ topic, partition, messages }) => {
      for (const message of messages) topic === settledTopic ? settle(message) : remember(message, partition);
    },
    {
      isSkipped: () => {
        unreadableBatches++;
        return true;
      },
    },
  );
  const entries = [...found.values()].map((entry) => ({ ...entry, settlement: settled.get(entry.key) }));
  return { entries, unreadableBatches };
}

const fits = ({ reason, origin, writtenMs }: Letter, filter: Filter) =>
  (filter.reason === undefined || reason === filter.reason) &&
  (filter.topic === undefined || origin?.topic === filter.topic) &&
  (filter.sinceMs === undefined || writtenMs >= filter.sinceMs);
