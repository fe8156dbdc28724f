import { expect } from "bun:test";
import type { User } from "../../contract/user.ts";
import type { Config } from "../../runtime/config.ts";
import { readRows } from "./cassandra.ts";
import { lagOf, readTopic } from "./kafka.ts";

/**
 * Proves that nothing was lost: the keys acknowledged by the broker (with null if the record is not a user) are exactly
 * those in Cassandra and the dead-letter topic together, the rows have the fields that were sent, and the group's lag
 * is 0. `ofRun` restricts the proof to a part of a shared table.
 */
export async function expectNothingLost(
  config: Pick<Config, "kafka" | "cassandra" | "consumer">,
  acknowledged: ReadonlyMap<string, User | null>,
  { ofRun }: { ofRun?: (user: User) => boolean } = {},
): Promise<void> {
  const [all, letters, lag] = await Promise.all([
    readRows(config),
    readTopic(config, config.kafka.deadLetterTopic),
    lagOf(config, config.consumer.groupId, config.kafka.topic),
  ]);
  const rows = ofRun ? new Map([...all].filter(([, user]) => ofRun(user))) : all;
  const dead = new Set(letters.map(({ key }) => key ?? ""));

  const lost = [...acknowledged.keys()].filter((id) => !rows.has(id) && !dead.has(id));
  const unexpected = [...rows.keys()].filter((id) => !acknowledged.has(id));
  const changed = [...acknowledged].filter(([id, user]) => user && rows.has(id) && !Bun.deepEquals(rows.get(id), user));
  const first = ([id, user]: [string, User | null]) => ({ sent: user, stored: rows.get(id) });
  expect({
    lost: lost.slice(0, 5),
    lostCount: lost.length,
    unexpected: unexpected.slice(0, 5),
    unexpectedCount: unexpected.length,
    changed: changed.slice(0, 2).map(first),
    changedCount: changed.length,
    lag,
  }).toEqual({ lost: [], lostCount: 0, unexpected: [], unexpectedCount: 0, changed: [], changedCount: 0, lag: 0 });
}
