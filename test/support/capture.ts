import { join } from "node:path";
import { captureSql, replicationRole } from "../../contract/change-capture.ts";
import { table } from "../../contract/entity.ts";
import { userOf } from "../../contract/tables.ts";
import type { User } from "../../contract/user.ts";
import {
  type ConnectApi,
  type ConnectorDefinition,
  openConnector,
  reasonOf,
  remedyOf,
} from "../../operations/connector.ts";
import { openPostgres, type Postgres } from "../../runtime/postgres.ts";
import { until } from "../../runtime/until.ts";
import { postgresUrl, superuserAccess } from "../../stack/addresses.ts";
import { environmentOf } from "../../stack/environment.ts";
import { openInstance, project } from "../../stack/instance.ts";
import { dropKeyspace, readRows } from "./cassandra.ts";
import { type Names, namesOf } from "./names.ts";
import { grantPrograms } from "./secure-stack.ts";

/** A test's own change data capture: a database, a connector, a slot, a topic and a keyspace. */
export interface Capture extends Names {
  changeTopic: string;
  /** The test's own database, as the table's owner. */
  url: string;
  /** A connection to it. */
  sql: Postgres;
  superuser: Postgres;
  slot: string;
  connector: Connector;
  /** The rows in PostgreSQL by id. */
  rows: () => Promise<Map<string, User>>;
  /** Resolves once Cassandra has exactly the rows in PostgreSQL, field by field. */
  agree: (withinMs?: number) => Promise<void>;
  /** Removes everything; not called after a failure, so that the data can be inspected. */
  close: () => Promise<void>;
}

export interface Connector {
  url: string;
  curl: string;
  /** Posts the definition; resolves with the status. */
  post: () => Promise<number>;
  /** Posts the definition, and resolves once the task runs. */
  register: () => Promise<void>;
  /** Deletes the connector; its slot and its offsets stay. */
  remove: () => Promise<void>;
  put: (action: "stop" | "resume") => Promise<void>;
  deleteOffsets: () => Promise<void>;
  task: () => Promise<{ state: string; reason: string; remedy: string }>;
  runs: () => Promise<unknown>;
}

/** Opens it for a test file: `openCapture(import.meta.path)`. The connector is not registered yet. */
export async function openCapture(file: string, env: Record<string, string> = {}): Promise<Capture> {
  const prefix = `cdc_${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 3).toString(36)}`;
  const changeTopic = `${prefix}.public.${table}`;
  const names = namesOf(file, { KAFKA_CHANGE_TOPIC: changeTopic, ...env });
  const instance = await openInstance(process.env);
  const server = openPostgres(superuserAccess(instance, "postgres"), 1);
  await server.unsafe(`CREATE DATABASE ${prefix} OWNER users`);
  // stack/services/pg_hba.conf admits members of the role with the name of the database.
  await server.unsafe(`CREATE ROLE ${prefix}`);
  await server.unsafe(`GRANT ${prefix} TO users, ${replicationRole}`);
  const superuser = openPostgres(superuserAccess(instance, prefix), 1);
  const owner = { role: "users", password: instance.secrets.postgresUsers, database: prefix };
  const url = postgresUrl(instance, owner);
  const sql = openPostgres({ ...names.config.postgres, url }, 4);
  await sql.begin((transaction) => transaction.unsafe(captureSql));
  await grantPrograms(names.config, prefix);

  const connector = connectorOf({ ...names.config.connect, url: environmentOf(instance).CONNECT_URL }, prefix);
  const rows = async () => {
    const all = await sql`SELECT * FROM ${sql(table)}`;
    return new Map(all.map((row) => [String(row.id), userOf(row)]));
  };
  return {
    ...names,
    changeTopic,
    url,
    sql,
    superuser,
    slot: prefix,
    connector,
    rows,
    async agree(withinMs = 150_000) {
      let last: unknown;
      const agree = async () => {
        const found = differences(...(await Promise.all([rows(), readRows(names.config)])));
        last = found;
        return found.missing.length + found.unexpected.length + found.changed === 0;
      };
      await until("PostgreSQL and Cassandra agree", agree, { withinMs, everyMs: 250 }).catch((error) => {
        throw new Error(`${error.message}: ${JSON.stringify(last).slice(0, 2_000)}`);
      });
    },
    async close() {
      await connector.remove();
      await until("the slot is free", async () => {
        const slots = await server`SELECT active FROM pg_replication_slots WHERE slot_name = ${prefix}`;
        return slots.every(({ active }) => !active);
      });
      await server`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${prefix}`;
      await Promise.all([sql.end({ timeout: 1 }), superuser.end({ timeout: 1 })]);
      await server.unsafe(`DROP DATABASE ${prefix} WITH (FORCE)`);
      await server.unsafe(`DROP ROLE ${prefix}`);
      await server.end({ timeout: 1 });
      await dropKeyspace(names.config);
    },
  };
}

/** How the rows in Cassandra differ from those in PostgreSQL. */
function differences(postgres: Map<string, User>, cassandra: Map<string, User>) {
  const missing = [...postgres.keys()].filter((id) => !cassandra.has(id));
  const unexpected = [...cassandra.keys()].filter((id) => !postgres.has(id));
  const changed = [...postgres].filter(([id, user]) => cassandra.has(id) && !Bun.deepEquals(cassandra.get(id), user));
  const [id, user] = changed[0] ?? [];
  return {
    missing,
    unexpected,
    changed: changed.length,
    first: id && { postgres: user, cassandra: cassandra.get(id) },
  };
}

/** The connector in postgres-connector.json with the test's own names. */
function connectorOf(connect: ConnectApi, prefix: string): Connector {
  const client = openConnector(connect, prefix);
  const definition = async () => {
    const { config } = (await Bun.file(join(project, "postgres-connector.json")).json()) as ConnectorDefinition;
    const own = { "topic.prefix": prefix, "slot.name": prefix, "database.dbname": prefix };
    return { name: prefix, config: { ...config, ...own } };
  };
  const hasStopped = async () => {
    const status = await client.status();
    return status?.connector.state === "STOPPED" && status.tasks.length === 0;
  };
  const connector: Connector = {
    url: client.url,
    curl: client.curl,
    post: async () => (await client.create(await definition())).status,
    async register() {
      // 409 is both the answer for a name that is taken and that of a worker that is busy with another connector.
      const isKnown = async () => (await client.config()) !== undefined;
      await until("the connector is registered", async () => (await connector.post()) === 201 || (await isKnown()));
      await connector.runs();
    },
    async remove() {
      await until("the connector is deleted", async () => [204, 404].includes((await client.remove()).status));
    },
    async put(action) {
      await until(`${action} is accepted`, async () => (await client.put(action)).ok);
      if (action === "stop") await until("the connector has stopped", hasStopped);
    },
    async deleteOffsets() {
      await until("the offsets are deleted", async () => (await client.deleteOffsets()).ok);
    },
    async task() {
      const [{ state = "NONE", trace = "" } = {}] = (await client.status())?.tasks ?? [];
      return { state, reason: reasonOf(trace), remedy: remedyOf(trace, client) };
    },
    runs: () => until("the connector's task runs", async () => (await connector.task()).state === "RUNNING"),
  };
  return connector;
}
