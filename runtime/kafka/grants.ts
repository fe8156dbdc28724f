// @ts-expect-error: kafkajs declares no types for its inner files
import Cluster from "kafkajs/src/cluster";
// @ts-expect-error: kafkajs declares no types for its inner files
import Connection from "kafkajs/src/network/connection";
import { AccessError, accessErrorIn } from "../access-error.ts";
import { whyRefused } from "./access.ts";

/** A request, and the connection that it is sent on: what is needed of kafkajs's own. */
interface Request {
  apiName: string;
  encode: () => Promise<{ buffer: Buffer }>;
}
interface Sender {
  host: string;
  port: number;
  sasl?: { mechanism: string; username?: string } | null;
}
interface Refused {
  type?: string;
  /** Of an error about several topics. */
  errors?: Refused[];
  topic?: string;
}

/** What kafkajs asks a broker for when it looks for a group's coordinator, or a transactional id's. */
interface Sought {
  groupId: string;
  coordinatorType: number;
}
interface Seeker {
  brokerPool: { findConnectedBroker: () => Promise<{ findGroupCoordinator: (sought: Sought) => Promise<unknown> }> };
}

/** Topics of the settings, and the groups and transactional ids in use, by which an error can say what a request was about. */
const names = { topic: new Set<string>(), group: new Set<string>(), "transactional-id": new Set<string>() };

/** Makes the names known to errors about missing grants. */
export function noteTopics(topics: readonly string[]) {
  for (const topic of topics) names.topic.add(topic);
}

/** Makes kafkajs's errors about missing grants say which statement grants what is missing. */
export function patchGrants() {
  const { send } = Connection.prototype;
  Connection.prototype.send = async function (this: Sender, given: { request: Request }) {
    try {
      return await send.call(this, given);
    } catch (error) {
      const refusal = await missingGrant(error, given.request, this);
      // A broker that needs a login closes the connection at the first request that is not about one.
      const closed = !refusal && !this.sasl && (error as Error).name === "KafkaJSConnectionClosedError";
      throw refusal ?? (closed ? await whyRefused(error, this) : undefined) ?? error;
    }
  };
  const { findGroupCoordinatorMetadata } = Cluster.prototype;
  Cluster.prototype.findGroupCoordinatorMetadata = async function (this: Seeker, sought: Sought) {
    names[sought.coordinatorType === transaction ? "transactional-id" : "group"].add(sought.groupId);
    try {
      return await findGroupCoordinatorMetadata.call(this, sought);
    } catch (error) {
      throw (await whyNotFound(this, sought)) ?? error;
    }
  };
}

const transaction = 1;

/** kafkajs asks each broker for a coordinator and forgets why it got none, so one of them is asked again. */
const whyNotFound = ({ brokerPool }: Seeker, sought: Sought) =>
  brokerPool
    .findConnectedBroker()
    .then((broker) => broker.findGroupCoordinator(sought))
    .then(() => undefined, accessErrorIn);

/** What a request needs, if that is not Describe. Source: kafka.apache.org/documentation, "Protocols". */
const operations: Record<string, string> = {
  Produce: "Write",
  Fetch: "Read",
  CreateTopics: "Create",
  DeleteTopics: "Delete",
  DeleteRecords: "Delete",
  CreatePartitions: "Alter",
  DescribeConfigs: "DescribeConfigs",
  AlterConfigs: "AlterConfigs",
  AddPartitionsToTxn: "Write",
  OffsetCommit: "Read",
  TxnOffsetCommit: "Read",
  GroupCoordinator: "Read", // Describe would do, but no more than that
  JoinGroup: "Read",
  SyncGroup: "Read",
  Heartbeat: "Read",
  LeaveGroup: "Read",
  DeleteGroups: "Delete",
  InitProducerId: "Write",
};

async function missingGrant(error: unknown, request: Request, { host, port, sasl }: Sender) {
  const { type, errors = [], topic } = (error ?? {}) as Refused;
  const inner = errors.find((each) => each.type?.endsWith("AUTHORIZATION_FAILED"));
  const [, kind] =
    /^(TOPIC|GROUP|CLUSTER|TRANSACTIONAL_ID)_AUTHORIZATION_FAILED$/.exec(inner?.type ?? type ?? "") ?? [];
  if (kind === undefined) return undefined;
  const { apiName } = request;
  const isCluster = kind === "CLUSTER";
  const operation =
    kind === "TRANSACTIONAL_ID"
      ? "Write"
      : isCluster && apiName === "InitProducerId"
        ? "IdempotentWrite"
        : (operations[apiName] ?? "Describe");
  const resource = kind.toLowerCase().replace("_", "-") as keyof typeof names;
  const about = inner?.topic ?? topic ?? (isCluster ? undefined : await nameIn(request, resource));
  const who = sasl?.username ? `User:${sasl.username}` : "the principal of this login";
  const where = isCluster ? "--cluster" : `--${resource} ${about ?? "NAME"}`;
  const what = isCluster ? "the cluster" : `the ${resource}${about ? ` ${about}` : ""}`;
  return new AccessError(
    `Kafka at ${host}:${port} does not allow ${who} to ${apiName} (${operation} on ${what})`,
    `have an administrator run: kafka-acls.sh --bootstrap-server ${host}:${port} --add ` +
      `--allow-principal ${sasl?.username ? who : "User:…"} --operation ${operation} ${where}`,
    { cause: error },
  );
}

/** The known name in a request's bytes. */
async function nameIn({ encode }: Request, kind: "topic" | "group" | "transactional-id") {
  const { buffer } = await encode();
  return [...names[kind]].sort((a, b) => b.length - a.length).find((name) => buffer.includes(name));
}
