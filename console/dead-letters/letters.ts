import type { Admin } from "kafkajs";
import { followLetters, type LetterFollower } from "../../operations/dead-letters/follow.ts";
import { changedValues, faultsOf, type Texts } from "../../operations/dead-letters/given.ts";
import type { Letter } from "../../operations/dead-letters/letter.ts";
import { operatorName } from "../../operations/dead-letters/operator.ts";
import { Irreparable, openFields, type Values } from "../../operations/dead-letters/repair.ts";
import { obstacleTo, type Dependencies as ReplayDependencies } from "../../operations/dead-letters/replay.ts";
import { type Position, positionOf } from "../../operations/dead-letters/selection.ts";
import { describeLetter } from "../../operations/dead-letters/show.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "../clients.ts";

/** A letter, and the fields of its record or why it has none that could be given other values. */
export interface Opened {
  letter: Letter;
  shown: Awaited<ReturnType<typeof describeLetter>>;
  record: Values | null;
  whyNoFields: string | null;
  /** Whether the registry did not answer, so that it is read again next time. */
  isPartial?: boolean;
}

/** What the contract and the consumer say about a record with some new values. */
export interface Checked {
  values: Values;
  /** By field. */
  faults: ReadonlyMap<string, string>;
  /** Why it would not be replayed; undefined if it would be stored. */
  obstacle: string | undefined;
}

/** What all pages about letters need. */
export interface Letters {
  topic: string;
  follower: LetterFollower;
  /** @throws FinalError if there is no letter at that position */
  open: (position: Position) => Promise<Opened>;
  /** What the contract says against the fields as the record has them. */
  faults: (opened: Opened) => ReadonlyMap<string, string>;
  check: (opened: Opened, given: Texts) => Promise<Checked>;
  dependencies: () => Promise<ReplayDependencies & { admin: Admin }>;
}

/** Letters that were looked at last; one may be as large as a record. */
const maxOpened = 8;

export function openLetters(clients: Clients): Letters {
  const { config, kafka, registry, log } = clients;
  const topic = config.kafka.deadLetterTopic;
  const follower = followLetters(kafka, topic);
  const opened = new Map<string, Opened>();
  const readFields = openFields({ kafka: config.kafka, registry });
  let by: string | undefined;

  const dependencies: Letters["dependencies"] = async () => {
    by ??= operatorName("console");
    return { kafka, admin: await clients.admin(), config, registry, log, by };
  };

  async function open(position: Position): Promise<Opened> {
    const letter = await follower.letterAt(position);
    const shown = await describeLetter(letter, registry);
    try {
      return { letter, shown, record: await readFields(letter), whyNoFields: null };
    } catch (error) {
      if (error instanceof Irreparable) return { letter, shown, record: null, whyNoFields: error.message };
      const whyNoFields = `its fields cannot be read at the moment: ${messageOf(error)}`;
      return { letter, shown, record: null, whyNoFields, isPartial: true };
    }
  }

  return {
    topic,
    follower,
    dependencies,
    async open(position) {
      const at = `${position.partition}:${position.offset}`;
      const known = opened.get(at) ?? (await open(position));
      opened.delete(at);
      if (!known.isPartial) opened.set(at, known);
      for (const oldest of opened.keys()) if (opened.size > maxOpened) opened.delete(oldest);
      return known;
    },
    faults: ({ record }) => (record ? faultsOf(record, {}) : new Map()),
    async check({ letter, record }, given) {
      const values = changedValues(record ?? {}, given);
      const faults = record ? faultsOf(record, values) : new Map<string, string>();
      const obstacle = await obstacleTo(await dependencies(), letter, { values, force: false });
      return { values, faults, obstacle };
    },
  };
}

export const pathOf = (letter: Parameters<typeof positionOf>[0]) => `/dead-letters/${positionOf(letter)}`;
