import { KafkaJSConnectionError, KafkaJSRequestTimeoutError } from "kafkajs";
// @ts-expect-error: kafkajs declares no types for its inner files
import Broker from "kafkajs/src/broker";
// @ts-expect-error: as above
import BrokerPool from "kafkajs/src/cluster/brokerPool";
// @ts-expect-error: as above
import ConsumerGroup from "kafkajs/src/consumer/consumerGroup";
// @ts-expect-error: as above
import OffsetManager from "kafkajs/src/consumer/offsetManager";
// @ts-expect-error: as above
import { KafkaJSConnectionClosedError } from "kafkajs/src/errors";
// @ts-expect-error: as above
import Connections from "kafkajs/src/network/connection";
// @ts-expect-error: as above
import ConnectionPool from "kafkajs/src/network/connectionPool";

/** What is needed of kafkajs's own. */
interface Connection {
  host: string;
  port: number;
  socket?: { destroy: () => void };
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  rejectRequests: (error: Error) => void;
  disconnect: () => Promise<unknown>;
}
interface Pool {
  host: string;
  port: number;
  map: <T>(use: (connection: Connection) => T) => T[];
}
interface KafkaBroker {
  nodeId: number;
  connectionPool: Pool;
  isConnected: () => boolean;
}
interface Brokers {
  brokers: Record<string, KafkaBroker>;
  seedBroker: KafkaBroker;
  metadataExpireAt: number | null;
  connect: () => Promise<void>;
  createSeedBroker: () => Promise<void>;
  findBroker: (broker: { nodeId: number }) => Promise<KafkaBroker>;
}
interface Coordinator {
  isConnected: () => boolean;
}
interface Sought {
  groupId: string;
  coordinatorType: number;
}
interface Member {
  groupId: string;
  coordinator: Coordinator;
  cluster: {
    findGroupCoordinatorMetadata: (sought: Sought) => Promise<{ coordinator: { nodeId: number } }>;
    findBroker: (broker: { nodeId: number }) => Promise<Coordinator>;
  };
}

/** When each broker, by its address, did not answer; those that have answered since are not in it. */
const awaySince = new Map<string, number>();

/** In another order each time, with those that were found to be away last. */
const reachableFirst = <T>(all: readonly T[], addressOf: (one: T) => string): T[] =>
  all
    .map((one) => ({ one, since: awaySince.get(addressOf(one)) ?? 0, order: Math.random() }))
    .sort((left, right) => left.since - right.since || left.order - right.order)
    .map(({ one }) => one);

/** The address to begin with, as a list of kafkajs. */
export const reachable = (addresses: readonly string[]): string[] =>
  reachableFirst(addresses, (address) => address).slice(0, 1);

const addressOf = ({ host, port }: Pool) => `${host}:${port}`;

/**
 * A broker that hangs, or is cut off, keeps its connections open. After a request that timed out, kafkajs 2.2.4 asks the
 * same broker again and again, though another leads its partitions and coordinates its groups by then. With this it does
 * what the Java client does: it closes the connection, asks for the leaders, and asks for the group's coordinator whenever
 * the connection to that is gone, instead of only when a broker says that it is another one.
 * A client that gets no answer from one of its brokers begins with another one.
 */
export function patchBrokersAway() {
  const { send } = ConnectionPool.prototype;
  ConnectionPool.prototype.send = async function (this: Pool, request: unknown) {
    try {
      const answer = await send.call(this, request);
      if (awaySince.size > 0) awaySince.delete(addressOf(this));
      return answer;
    } catch (error) {
      if (!(error instanceof KafkaJSRequestTimeoutError)) throw error;
      awaySince.set(addressOf(this), Date.now());
      const { host, port } = this;
      const closed = new KafkaJSConnectionClosedError(`${error.message}: connection closed`, { host, port });
      this.map((connection) => close(connection, closed));
      throw closed;
    }
  };

  const { disconnect } = Connections.prototype;
  Connections.prototype.disconnect = async function (this: Connection) {
    await disconnect.call(this);
    // A request that was queued since then would wait indefinitely: nothing is read, and no request times out any more.
    const { host, port } = this;
    this.rejectRequests(new KafkaJSConnectionClosedError("Closed connection", { host, port }));
  };

  const { connect } = Broker.prototype;
  Broker.prototype.connect = async function (this: KafkaBroker) {
    try {
      await connect.call(this);
    } catch (error) {
      awaySince.set(addressOf(this.connectionPool), Date.now());
      throw error;
    }
  };

  const { refreshMetadata } = BrokerPool.prototype;
  BrokerPool.prototype.refreshMetadata = async function (this: Brokers, topics: string[]) {
    try {
      return await refreshMetadata.call(this, topics);
    } catch (error) {
      // One that hangs accepts connections all the same, so kafkajs would stay with it.
      if (error instanceof KafkaJSConnectionError) await this.createSeedBroker();
      throw error;
    }
  };
  const { removeBroker } = BrokerPool.prototype;
  BrokerPool.prototype.removeBroker = function (this: Brokers, at: Pick<Pool, "host" | "port">) {
    // A consumer crashes if it is about to fetch and its client knows no broker.
    if (Object.keys(this.brokers).length > 1) removeBroker.call(this, at);
    else this.metadataExpireAt = null; // which is why kafkajs removes it
  };
  BrokerPool.prototype.findConnectedBroker = async function (this: Brokers) {
    const known = reachableFirst(Object.values(this.brokers), (broker) => addressOf(broker.connectionPool));
    const ready = known.filter((broker) => broker.isConnected() && !awaySince.has(addressOf(broker.connectionPool)));
    for (const { nodeId } of [...ready, ...known])
      try {
        return await this.findBroker({ nodeId });
      } catch {
        // The next one may answer.
      }
    await this.connect();
    return this.seedBroker;
  };

  const { heartbeat } = ConsumerGroup.prototype;
  ConsumerGroup.prototype.heartbeat = async function (this: Member, given: unknown) {
    try {
      await heartbeat.call(this, given);
    } catch (error) {
      const isGone = error instanceof KafkaJSConnectionError;
      if (!isGone || !(await findCoordinator(this).catch(() => undefined))) throw error;
      await heartbeat.call(this, given);
    }
  };
  const { getCoordinator } = OffsetManager.prototype;
  OffsetManager.prototype.getCoordinator = async function (this: Member) {
    if (!this.coordinator.isConnected()) await findCoordinator(this).catch(() => undefined);
    return await getCoordinator.call(this);
  };
}

/** Drops what is still to come on the connection: it would be read as the beginning of an answer on the next one. */
function close(connection: Connection, error: Error) {
  connection.socket?.destroy();
  Object.assign(connection, { chunks: [], bytesBuffered: 0, bytesNeeded: headBytes });
  connection.rejectRequests(error);
  void connection.disconnect();
}

/** Of a response: its size. */
const headBytes = 4;

/** Unlike kafkajs's own function, tries it once: the caller tries again. */
async function findCoordinator(member: Member): Promise<Coordinator> {
  const { cluster, groupId } = member;
  const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId, coordinatorType: group });
  member.coordinator = await cluster.findBroker(coordinator);
  return member.coordinator;
}

const group = 0;
