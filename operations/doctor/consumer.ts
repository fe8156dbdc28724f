import type { Admin } from "kafkajs";
import { settledTopicOf } from "../../contract/entity.ts";
import { shownAddress } from "../../runtime/addresses.ts";
import type { Config } from "../../runtime/config.ts";
import { wantedTopics } from "../../runtime/kafka/topics.ts";
import { recordsBetween } from "../lag.ts";
import { topicsIn } from "../replicas.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const consumerCheck: Check = { what: "the consumer group", of: ["the consumer"], look: lookAtGroup };

const about = "the consumer";

/** How long /readyz may take, in milliseconds: its own checks of other services take up to 2 s. */
const readyWithinMs = 4_000;
/** How long an empty group gets to be joined, and a partition to move, in milliseconds. */
const lookAgainAfterMs = 3_000;

/**
 * Whether somebody is in the group, stores records, and has read what is no longer there. The consumer knows why it does
 * not; where it cannot be asked, the offsets that the group has committed must move.
 */
async function lookAtGroup(clients: Clients, stop: AbortSignal): Promise<Finding[]> {
  const { config, web, cures } = clients;
  const admin = await clients.admin();
  const [readiness, before] = await Promise.all([readinessOf(web.consumer, stop), stateOf(admin, config)]);
  const gone = before.positions.flatMap((position) => lostRecords(position, clients));
  if (readiness.kind === "not ready") return [...gone, ...reasonFindings(readiness.reasons, clients)];
  if (readiness.kind === "odd")
    return [...gone, { severity: "error", about, cause: readiness.why, cure: cures.log("consumer") }];

  const isSure = readiness.kind === "ready" && before.members === 1;
  if (isSure || (before.members > 0 && !before.positions.some(hasUnread))) return gone;
  await Bun.sleep(lookAgainAfterMs);
  const after = await stateOf(admin, config);
  if (before.members === 0 && after.members === 0) return [...gone, nobody(after, readiness.kind, clients)];
  if (!after.isStable || before.members === 0) return gone;
  return [...gone, ...(await stuckPartitions(before, after, admin, clients))];
}

type Readiness =
  | { kind: "ready" | "silent" }
  | { kind: "not ready"; reasons: string[] }
  /** It answers, but not as it should, or accepts a connection and says nothing. */
  | { kind: "odd"; why: string };

async function readinessOf(url: string | undefined, stop: AbortSignal): Promise<Readiness> {
  if (url === undefined) return { kind: "silent" };
  const page = shownAddress(`${url}/readyz`);
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(readyWithinMs)]);
    const response = await fetch(`${url}/readyz`, { signal, headers: { connection: "close" } });
    const text = await response.text();
    if (response.ok) return { kind: "ready" };
    if (response.status !== 503)
      return { kind: "odd", why: `${page} answers ${response.status}: ${text.split("\n")[0]}` };
    return { kind: "not ready", reasons: text.trim().split("\n") };
  } catch (error) {
    if ((error as Error).name !== "TimeoutError") return { kind: "silent" };
    return { kind: "odd", why: `${page} accepts connections and does not answer within ${readyWithinMs / 1_000} s` };
  }
}

/** The group's place in a partition. */
interface Position {
  topic: string;
  partition: number;
  /** The first offset that Kafka still has, and the offset after the last one. */
  first: bigint;
  end: bigint;
  /** undefined if the group has committed nothing. */
  committed?: bigint;
}

interface GroupState {
  members: number;
  /** Whether the members have agreed on who reads what. */
  isStable: boolean;
  positions: Position[];
}

async function stateOf(admin: Admin, config: Pick<Config, "kafka" | "cdc" | "consumer">): Promise<GroupState> {
  const { groupId } = config.consumer;
  const { deadLetterTopic } = config.kafka;
  const notRead = [deadLetterTopic, settledTopicOf(deadLetterTopic)];
  const consumed = wantedTopics(config)
    .map(({ topic }) => topic)
    .filter((topic) => !notRead.includes(topic));
  const existing = await topicsIn(admin);
  const topics = consumed.filter((topic) => existing.get(topic)?.every(({ leader }) => leader >= 0));
  const { groups } = await admin.describeGroups([groupId]);
  const committed = topics.length === 0 ? [] : await admin.fetchOffsets({ groupId, topics });
  const positions = topics.map(async (topic) => {
    const own = new Map(
      committed
        .find((each) => each.topic === topic)
        ?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]),
    );
    return (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }): Position => {
      const at = own.get(partition) ?? -1n;
      return { topic, partition, first: BigInt(low), end: BigInt(high), ...(at >= 0n && { committed: at }) };
    });
  });
  return {
    members: groups.flatMap((group) => group.members).length,
    isStable: groups.some((group) => group.state === "Stable"),
    positions: (await Promise.all(positions)).flatMap((each) => each.sort((a, b) => a.partition - b.partition)),
  };
}

const nextOf = ({ committed, first }: Position) => (committed !== undefined && committed > first ? committed : first);
const hasUnread = (position: Position) => position.end > nextOf(position);
const unread = (positions: Position[]) =>
  positions.reduce((sum, position) => sum + recordsBetween(nextOf(position), position.end), 0);

/** Records that Kafka has deleted before the group has read them, or a log that ends before what it has read. */
function lostRecords({ topic, partition, first, end, committed }: Position, { cures }: Clients): Finding[] {
  if (committed === undefined || (committed >= first && committed <= end)) return [];
  const place = `partition ${partition}`;
  return [
    {
      severity: "error",
      about: `topic ${topic}`,
      cause:
        committed < first
          ? `${place}: records ${committed} to ${first - 1n} were deleted before the consumer had read them`
          : `${place}: the consumer has read up to offset ${committed}, and the log ends at ${end}: it was created again or has lost records`,
      cure: `See what is missing in Cassandra: ${cures.operate("reconcile")}`,
    },
  ];
}

function nobody({ positions }: GroupState, readiness: Readiness["kind"], { config, web, cures }: Clients): Finding {
  const url = web.consumer && shownAddress(web.consumer);
  const isElsewhere = readiness === "ready";
  const also =
    url === undefined ? "" : isElsewhere ? `: the one at ${url} is in another` : `, and nothing answers at ${url}`;
  return {
    severity: "error",
    about,
    cause: `nobody is in the group ${config.consumer.groupId}${also}; records to read: ${unread(positions)}`,
    cure: isElsewhere
      ? "Set CONSUMER_GROUP_ID to the consumer's own, or restart it with this one"
      : `${cures.start("consumer")}. ${cures.log("consumer")}`,
  };
}

/** Partitions whose next record has waited for long, and that have not moved between two looks. */
async function stuckPartitions(
  before: GroupState,
  after: GroupState,
  admin: Admin,
  { config, cures }: Clients,
): Promise<Finding[]> {
  const { stalledAfterMs, groupId } = config.consumer;
  const unmoved = after.positions.filter((position) =>
    before.positions.some(
      (earlier) =>
        earlier.topic === position.topic &&
        earlier.partition === position.partition &&
        hasUnread(earlier) &&
        nextOf(earlier) === nextOf(position),
    ),
  );
  const stuck: Position[] = [];
  for (const topic of new Set(unmoved.map((position) => position.topic))) {
    const recent = await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - stalledAfterMs);
    const firstRecent = new Map(recent.map(({ partition, offset }) => [partition, BigInt(offset)]));
    stuck.push(...unmoved.filter((at) => at.topic === topic && (firstRecent.get(at.partition) ?? at.end) > nextOf(at)));
  }
  const [first] = stuck;
  if (!first) return [];
  const others = stuck.length > 1 ? ` (and ${stuck.length - 1} more like it)` : "";
  return [
    {
      severity: "error",
      about,
      cause:
        `the group ${groupId} does not move: it is at offset ${nextOf(first)} of ${first.end} in ${first.topic}, ` +
        `partition ${first.partition}${others}`,
      cure: cures.log("consumer"),
    },
  ];
}

const membership = /^not a member of the consumer group/;

/**
 * One finding for each reason of /readyz, the same one in several partitions once. Each gives its remedy after its cause.
 * Not being a member follows from any other reason, and a table that does not fit is a finding of its own.
 */
function reasonFindings(lines: string[], { cures }: Clients): Finding[] {
  const all = lines
    .map((line) => line.replace(/^not ready: /, ""))
    .filter((line) => !/does not match the contract/.test(line));
  const reasons = all.some((line) => !membership.test(line)) ? all.filter((line) => !membership.test(line)) : all;
  const byKind = Map.groupBy(reasons, (reason) => reason.replaceAll(/\d+/g, "#"));
  return [...byKind.values()].map(([first = "", ...others]) => {
    const [, cause = first, remedy] = /^(.*?)(?:; |\. )([^;]*)$/s.exec(first) ?? [];
    return {
      severity: "error",
      about,
      cause: others.length > 0 ? `${cause} (and ${others.length} more like it)` : cause,
      cure: remedy ? remedy.charAt(0).toUpperCase() + remedy.slice(1) : cures.log("consumer"),
    };
  });
}
