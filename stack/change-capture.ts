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
import { tailOf } from "../operations/log-tail.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { NotInTime, until } from "../runtime/until.ts";
import { environmentOf, ownConfig } from "./environment.ts";
import { StackError } from "./failure.ts";
import { type Instance, project } from "./instance.ts";

const registeredWithinMs = 60_000;

/**
 * Registers postgres-connector.json, replacing a connector with an outdated configuration, and resolves once its task is
 * running.
 * @throws StackError with the task's error if it fails
 */
export async function registerConnector(instance: Instance, stop: AbortSignal): Promise<CaptureState> {
  const definition = await readDefinition();
  const connector = openConnector(connectOf(instance), definition.name);
  await removeOutdated(connector, definition);

  let last = connectorState(connector, undefined);
  const isRunning = async () => {
    const status = await connector.status();
    if (status === undefined) await create(connector, definition);
    last = connectorState(connector, status);
    return last.failure !== null || last.task === "RUNNING";
  };
  try {
    await untilRunning(isRunning, stop);
  } catch (error) {
    if (!(error instanceof NotInTime)) throw error;
    throw new StackError(
      `The connector ${definition.name} did not start within ${registeredWithinMs / 1_000} s: connector ${last.connector}, task ${last.task}`,
      "See `bun run logs connect`.",
      await tailOf(join(instance.folder, "logs", "connect.log")),
      { cause: error.cause },
    );
  }
  if (last.failure)
    throw new StackError(`The connector ${definition.name} failed: ${last.failure.reason}`, last.failure.remedy);
  return captureOf(instance);
}

/** The state of change data capture on this stack. */
export async function captureOf(instance: Instance): Promise<CaptureState> {
  const config = ownConfig(instance);
  const { name } = await readDefinition();
  const admin = openKafka(config, "stack", getLogger("stack"), 0).admin();
  const sql = openPostgres(config.postgres, 1);
  try {
    await admin.connect().catch(() => {}); // the lag is reported as unknown
    return await captureState({
      connector: openConnector(connectOf(instance), name),
      sql,
      admin,
      groupId: config.consumer.groupId,
      changeTopic: config.kafka.changeTopic,
    });
  } finally {
    await Promise.all([sql.end({ timeout: 1 }), admin.disconnect()]);
  }
}

const connectOf = (instance: Instance) => ({
  url: environmentOf(instance).CONNECT_URL,
  ...ownConfig(instance).connect,
});

const readDefinition = async () =>
  (await Bun.file(join(project, "postgres-connector.json")).json()) as ConnectorDefinition;

/** Deletes a connector whose configuration differs. Its slot and offsets remain, so the next one resumes from there. */
async function removeOutdated(connector: Connector, { name, config }: ConnectorDefinition) {
  const existing = await connector.config();
  if (!existing || Bun.deepEquals(existing, { name, ...config })) return;
  const isGone = async () => {
    await connector.remove();
    return (await connector.status()) === undefined;
  };
  await until(`the outdated connector ${name} is deleted`, isGone, { withinMs: registeredWithinMs });
}

/** @throws StackError if Connect rejects the definition; retrying would not help */
async function create(connector: Connector, definition: ConnectorDefinition) {
  const response = await connector.create(definition);
  // 409: already registered by someone else, or Connect is rebalancing; the next status request shows which.
  if (response.ok || response.status === 409) return;
  throw new StackError(
    `Kafka Connect rejected postgres-connector.json: ${response.status} ${await response.text()}`,
    "Check the file against Debezium's documentation of the PostgreSQL connector.",
  );
}

/** Waits for a condition. A StackError from the probe ends the wait; any other error means "not yet". */
async function untilRunning(probe: () => Promise<boolean>, stop: AbortSignal) {
  let refusal: StackError | undefined;
  const probed = () =>
    probe().catch((error: unknown) => {
      if (!(error instanceof StackError)) throw error;
      refusal = error;
      return true;
    });
  await until("the connector's task is running", probed, { withinMs: registeredWithinMs, everyMs: 200, stop });
  if (refusal) throw refusal;
}
