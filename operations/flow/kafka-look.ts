import type { Admin, Kafka } from "kafkajs";
import { settledTopicOf } from "../../contract/entity.ts";
import type { Config } from "../../runtime/config.ts";
import { openReader } from "../../runtime/kafka/reader.ts";
import { openByReason } from "../dead-letters/groups.ts";
import { readLetterLog } from "../dead-letters/letter-log.ts";
import { lookAtTopics, newestMs, openRecordTimes } from "./kafka.ts";
import type { Look } from "./look.ts";

interface Clients {
  config: Pick<Config, "kafka" | "consumer" | "cdc">;
  kafka: Kafka;
  admin: () => Promise<Admin>;
}

/** How many dead letters are read to tell which are open: as many as can be in a few seconds. */
const maxLetters = 50_000;

/** Looks at Kafka again and again; what has not changed is not read again. */
export function openKafkaLook({ config, kafka, admin }: Clients) {
  const { topic, editTopic, changeTopic, deadLetterTopic } = config.kafka;
  const settledTopic = settledTopicOf(deadLetterTopic);
  const consumed = [topic, editTopic, ...(config.cdc.apply ? [changeTopic] : [])];
  const recordTimes = openRecordTimes();
  const reader = openOnce(
    () => openReader(kafka),
    (open) => open.close(),
  );
  let letters: { version: string; open: Record<string, number> } | undefined;
  let newest: Map<string, number | undefined> | undefined;

  return {
    async topics(): Promise<Partial<Look>> {
      const topics = { consumed, others: [deadLetterTopic, settledTopic] };
      const seen = await lookAtTopics(await admin(), config.consumer.groupId, topics);
      await recordTimes.addTo(seen, reader.get).catch(() => reader.drop());
      return { topics: seen.facts };
    },
    /** Once: later, a topic that moves is seen to. */
    async newest(): Promise<Partial<Look>> {
      if (newest) return { newestMs: newest };
      const open = await reader.get();
      const ofTopic = async (name: string): Promise<[string, number | undefined]> => [name, await newestMs(open, name)];
      newest = new Map(await Promise.all([...consumed, deadLetterTopic].map(ofTopic)));
      return { newestMs: newest };
    },
    async openLetters(topics: Look["topics"]): Promise<Partial<Look>> {
      const seen = topics?.get(deadLetterTopic);
      if (!seen || seen.records > maxLetters) return { openLetters: undefined };
      if (seen.records === 0) return { openLetters: {} };
      const version = `${seen.written} ${topics?.get(settledTopic)?.written}`;
      if (letters?.version !== version) {
        const { entries } = await readLetterLog({ kafka, admin: await admin() }, deadLetterTopic);
        letters = { version, open: openByReason(entries) };
      }
      return { openLetters: letters.open };
    },
    close: reader.drop,
  };
}

/** Something that is opened when it is first needed, and again after it was dropped. */
function openOnce<T>(open: () => Promise<T>, close: (opened: T) => Promise<void>) {
  let opened: Promise<T> | undefined;
  return {
    get: () => (opened ??= open()),
    async drop() {
      const last = opened;
      opened = undefined;
      await last?.then(close).catch(() => {});
    },
  };
}
