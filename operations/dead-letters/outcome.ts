import type { Admin } from "kafkajs";
import type { Config } from "../../runtime/config.ts";
import { partitionLags, recordsBetween } from "../lag.ts";
import { type Followed, letterAbout } from "./follow.ts";
import type { Settlement } from "./settlement.ts";

/** What became of a replayed record. */
export type Outcome =
  /** The consumer has yet to read it, and so many records before it. */
  | { state: "waiting"; before: number; hasConsumer: boolean }
  | { state: "stored" }
  /** The position of its new letter. */
  | { state: "failed again"; letter: string };

interface Dependencies {
  admin: Admin;
  config: Pick<Config, "consumer">;
  /** The letters as they are now. */
  look: () => Promise<Followed>;
}

/** Offsets move only after a record is stored or dead-lettered; so it is one of the two once its offset is committed. */
export async function outcomeOf(
  { admin, config, look }: Dependencies,
  to: NonNullable<Settlement["to"]>,
): Promise<Outcome> {
  const { groupId } = config.consumer;
  const lags = await partitionLags(admin, groupId, to.topic);
  const next = lags.find(({ partition }) => partition === to.partition)?.next ?? 0n;
  if (next > BigInt(to.offset)) {
    const letter = letterAbout(await look(), to);
    return letter === undefined ? { state: "stored" } : { state: "failed again", letter };
  }
  const { groups } = await admin.describeGroups([groupId]);
  const hasConsumer = groups.some(({ members }) => members.length > 0);
  return { state: "waiting", before: recordsBetween(next, BigInt(to.offset)), hasConsumer };
}
