import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import {
  type CaptureState,
  type Connector,
  type ConnectorDefinition,
  captureState,
  connectorState,
  openConnector,
} from "../operations/connector.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { NotInTime, until } from "../runtime/until.ts";
import { local } from "./addresses.ts";
import { environmentOf } from "./environment.ts";
import { StackError } from "./failure.ts";
import { type Instance, project } from "./instance.ts";
import { tailOf } from "./logs.ts";

const registeredWithinMs = 60_000;

/**
 * Registers postgres-connector.json, replacing a connector of an earlier version of the file, and resolves once its task
 * is running.
 * @throws StackError with the task's own reason if it fails
 */
export async function registerConnector(instance: Instance, stop: AbortSignal): Promise<CaptureState> {
  const definition = await readDefinition();
  const connector = openConnector(environmentOf(instance).CONNECT_URL, definition.name);
  await removeOutdated(connector, definition);

  let last = connectorState(connector, undefined);
  const isRunning = async () => {
    const status = await connector.status();
    if (status === undefined) await create(connector, definition);
    last = connectorState(connector, status);
    return last.failure !== null || last.task === "RUNNING";
  };
  try {
    await untilOrRefused(isRunning, stop);
  } catch (error) {
    if (!(error instanceof NotInTime)) throw error;
    throw new StackError(
      `The connector ${definition.name} is ${last.connector}, its task ${last.task}, after ${registeredWithinMs / 1_000} s`,
      "Look at `bun run logs connect`.",
      await tailOf(join(instance.folder, "logs", "connect.log")),
      { cause: error.cause },
    );
  }
  if (last.failure)
    throw new StackError(`The connector ${definition.name} failed: ${last.failure.reason}`, last.failure.remedy);
  return captureOf(instance);
}

/** The state of this stack's change data capture. */
export async function captureOf(instance: Instance): Promise<CaptureState> {
  const { config } = instance;
  const { POSTGRES_URL, CONNECT_URL } = environmentOf(instance);
  const { name } = await readDefinition();
  const kafka = { ...config.kafka, brokers: [local(config.ports.kafka)] };
  const admin = openKafka({ kafka }, "stack", getLogger("stack"), 0).admin();
  const sql = openPostgres(POSTGRES_URL, 1);
  try {
    await admin.connect().catch(() => {}); // the lag is then unknown
    return await captureState({
      connector: openConnector(CONNECT_URL, name),
      sql,
      admin,
      groupId: config.consumer.groupId,
      changeTopic: kafka.changeTopic,
    });
  } finally {
    await Promise.all([sql.end({ timeout: 1 }), admin.disconnect()]);
  }
}

const readDefinition = async () =>
  (await Bun.file(join(project, "postgres-connector.json")).json()) as ConnectorDefinition;

/** Deletes a connector with another configuration; slot and offsets stay, so the next one continues from there. */
async function removeOutdated(connector: Connector, { name, config }: ConnectorDefinition) {
  const existing = await connector.config();
  if (!existing || Bun.deepEquals(existing, { name, ...config })) return;
  const isGone = async () => {
    await connector.remove();
    return (await connector.status()) === undefined;
  };
  await until(`the earlier connector ${name} is gone`, isGone, { withinMs: registeredWithinMs });
}

/** @throws StackError if Connect refuses the definition, which retrying cannot change */
async function create(connector: Connector, definition: ConnectorDefinition) {
  const response = await connector.create(definition);
  // 409: somebody else has just registered it, or Connect is rebalancing; the next look tells.
  if (response.ok || response.status === 409) return;
  throw new StackError(
    `Kafka Connect refuses postgres-connector.json: ${response.status} ${await response.text()}`,
    "Compare the file with Debezium's documentation of the PostgreSQL connector.",
  );
}

/** Awaits a condition; a StackError of the probe ends the wait, any other error is a "not yet". */
async function untilOrRefused(probe: () => Promise<boolean>, stop: AbortSignal) {
  let refusal: StackError | undefined;
  const probed = () =>
    probe().catch((error: unknown) => {
      if (!(error instanceof StackError)) throw error;
      refusal = error;
      return true;
    });
  await until("the connector's task runs", probed, { withinMs: registeredWithinMs, everyMs: 200, stop });
  if (refusal) throw refusal;
}
