import type { Host } from "cassandra-driver";
import { table } from "../../contract/entity.ts";
import { indexes } from "../../contract/tables.ts";
import { type Cassandra, isTransient } from "../../runtime/cassandra.ts";
import { migrateCassandra, migratePostgres, type TableReport } from "../migrate.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";
import { connectionFailure } from "./kafka.ts";

export const tableChecks: Check[] = [
  {
    what: `the table ${table}`,
    of: ["PostgreSQL"],
    look: async (clients) => differences(await migratePostgres(clients.sql, { apply: false }), clients),
  },
  {
    what: `the table ${table}`,
    of: ["Cassandra"],
    look: async (clients) =>
      differences(await migrateCassandra(clients.cassandra, clients.config, { apply: false }), clients),
  },
  { what: "the indexes", of: ["Cassandra"], look: lookAtIndexes },
  { what: "replication", of: ["Cassandra"], look: lookAtReplication },
];

function differences({ store, table, missing, refused }: TableReport, { cures }: Clients): Finding[] {
  const about = `${store}'s ${table}`;
  const findings: Finding[] = refused.map(({ why }) => {
    const [cause, ...rest] = why.split("; ");
    return { severity: "error", about, cause: `${cause}`, cure: sentence(rest.join("; ")) };
  });
  if (missing.length > 0)
    findings.push({
      severity: "error",
      about,
      cause: `lacks ${missing.map(({ what }) => what).join(", ")}`,
      cure: `Add it: ${cures.operate("migrate")}`,
      ...(store === "Cassandra" && { explains: ["the API"] }),
    });
  return findings;
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

const wantedOptions = (target: string) => ({
  class_name: "StorageAttachedIndex",
  target,
  case_sensitive: "false",
  normalize: "true",
});

async function lookAtIndexes(clients: Clients): Promise<Finding[]> {
  return (await Promise.all(indexes.map((index) => lookAtIndex(index, clients)))).flat();
}

/** Whether an index is the contract's, and whether every node has built it. A missing one is the table's finding. */
async function lookAtIndex(
  { field, name: indexName }: (typeof indexes)[number],
  { cassandra, config, cures }: Clients,
): Promise<Finding[]> {
  const { keyspace } = config.cassandra;
  const about = `Cassandra's index ${keyspace}.${indexName}`;
  const [index] = await rowsOf<{ options: Record<string, string> | null }>(
    cassandra,
    "SELECT options FROM system_schema.indexes WHERE keyspace_name = ? AND table_name = ? AND index_name = ?",
    [keyspace, table, indexName],
  );
  if (!index) return [];
  const again = `${cures.cql(`DROP INDEX ${keyspace}.${indexName}`)}, then ${cures.operate("migrate")}`;
  const wrong = Object.entries(wantedOptions(field)).filter(([name, value]) => !index.options?.[name]?.endsWith(value));
  if (wrong.length > 0) {
    const differ = wrong.map(([name, value]) => `${name} is ${index.options?.[name] ?? "not set"} instead of ${value}`);
    return [{ severity: "error", about, cause: differ.join(", "), cure: `Create it again: ${again}` }];
  }
  const states = cassandra.hosts.values().map((host) =>
    indexState(cassandra, [keyspace, indexName], host).catch((error) => {
      if (isTransient(error)) return undefined; // a node that is down is a finding of its own
      throw error;
    }),
  );
  return (await Promise.all(states)).flatMap((state) => (state ? buildFindings(state, about, again) : []));
}

/** What a node that cannot answer searches says of its index. */
export function buildFindings(
  { node, is_queryable, is_building }: IndexState,
  about: string,
  again: string,
): Finding[] {
  if (is_queryable) return [];
  if (is_building)
    return [
      {
        severity: "warning",
        about,
        cause: `${node} is still building it`,
        cure: "Wait: a search fails until it is built",
      },
    ];
  return [
    { severity: "error", about, cause: `${node} cannot use it, so a search fails`, cure: `Create it again: ${again}` },
  ];
}

interface IndexState {
  /** The node's address. */
  node: string;
  is_queryable: boolean;
  is_building: boolean;
}

/** What one node says of the index; each knows only of itself, and an index that it has not heard of yet is to come. */
async function indexState(cassandra: Cassandra, keyspaceAndIndex: string[], host: Host): Promise<IndexState> {
  const [state = { is_queryable: false, is_building: true }] = await rowsOf<Omit<IndexState, "node">>(
    cassandra,
    "SELECT is_queryable, is_building FROM system_views.sai_column_indexes WHERE keyspace_name = ? AND index_name = ?",
    keyspaceAndIndex,
    host,
  );
  return { ...state, node: host.address };
}

/** Whether the keyspace is replicated as the settings say, and which nodes of it are down. */
async function lookAtReplication({ cassandra, config, cures }: Clients): Promise<Finding[]> {
  const { keyspace, localDataCenter, replicationFactor } = config.cassandra;
  const about = `Cassandra's keyspace ${keyspace}`;
  const [found] = await rowsOf<{ replication: Record<string, string> }>(
    cassandra,
    "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
    [keyspace],
  );
  if (!found) return [];
  const { class: strategy = "", [localDataCenter]: replicas = "0" } = found.replication;
  if (!strategy.endsWith("NetworkTopologyStrategy") || Number(replicas) !== replicationFactor) {
    const shown = Object.entries({ ...found.replication, class: strategy.split(".").at(-1) });
    const wanted = `{'class': 'NetworkTopologyStrategy', '${localDataCenter}': ${replicationFactor}}`;
    return [
      {
        severity: "warning",
        about,
        cause: `is replicated as ${shown.map((pair) => pair.join(": ")).join(", ")}; the settings say ${replicationFactor} in ${localDataCenter}`,
        cure: `Set CASSANDRA_REPLICATION_FACTOR to what it is, or ${cures.cql(`ALTER KEYSPACE ${keyspace} WITH replication = ${wanted}`)} and \`nodetool repair\``,
      },
    ];
  }
  const nodes = cassandra.hosts.values().filter((host) => host.datacenter === localDataCenter);
  if (config.cassandra.secureConnectBundle !== undefined) return []; // its nodes are behind a proxy
  const down = (await unreachable(nodes)).map(({ address }) => address);
  const up = nodes.length - down.length;
  const quorum = Math.floor(replicationFactor / 2) + 1;
  if (up < quorum)
    return [
      {
        severity: "error",
        about,
        cause: `${up} ${up === 1 ? "node is" : "nodes are"} up in ${localDataCenter}, and a quorum of ${replicationFactor} replicas needs ${quorum}`,
        cure: "Start the nodes that are down, or lower CASSANDRA_REPLICATION_FACTOR",
      },
    ];
  if (down.length === 0) return [];
  return [
    {
      severity: "warning",
      about: "Cassandra",
      cause: `${down.join(", ")} ${down.length === 1 ? "is" : "are"} down: ${up} of ${nodes.length} nodes in ${localDataCenter} are up`,
      cure: `Start it. ${cures.log("cassandra")}; what it misses it gets when it is back within three hours`,
    },
  ];
}

/** The nodes that cannot be reached from here; the driver takes a node that it has not asked yet to be up. */
async function unreachable(nodes: Host[]): Promise<Host[]> {
  const failures = await Promise.all(
    nodes.map(({ address }) => connectionFailure(address.replace(/:\d+$/, ""), Number(/\d+$/.exec(address)?.[0]))),
  );
  return nodes.filter((host, index) => failures[index] !== undefined || !host.isUp());
}

async function rowsOf<T>(cassandra: Cassandra, query: string, parameters: string[], host?: Host): Promise<T[]> {
  const { rows } = await cassandra.execute(query, parameters, { prepare: false, ...(host && { host }) });
  return rows as unknown as T[];
}
