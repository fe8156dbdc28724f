import { idField, namingFields } from "../../contract/entity.ts";
import { fields, User } from "../../contract/user.ts";
import { type Away, type Clients, gatherFacts, type Options, shortMessage, withinTime } from "./facts.ts";
import { type Missing, missingOf } from "./missing.ts";
import { idsInCassandra, idsInPostgres } from "./rows.ts";
import { type Entry, historyOf, type State, statesOf } from "./timeline.ts";
import type { Looked } from "./topic-search.ts";

/** Everything that is known about one user. */
export interface Report {
  id: string;
  isFound: boolean;
  /** What happened, in order. */
  history: Entry[];
  /** What the stores have now. */
  now: State[];
  missing: Missing[];
  /** Which parts of the topics were looked at. */
  looked: Looked[];
  away: Away[];
}

export async function whereIs(clients: Clients, id: string, options?: Options): Promise<Report> {
  const facts = await gatherFacts(clients, id, options);
  const history = historyOf(facts, clients.config.consumer.groupId);
  const now = statesOf(facts, clients.config.api.log);
  return {
    id,
    isFound: history.length + now.length > 0,
    history,
    now,
    missing: missingOf(facts, clients.config),
    looked: facts.topics?.looked ?? [],
    away: facts.away,
  };
}

/** The users that a text may mean. */
export interface Named {
  ids: string[];
  /** The fields that were compared with it. */
  names: string[];
  away: Away[];
}

/**
 * The ids that a text may mean: itself, or those of the rows that have it in one of `namingFields`. Cassandra is asked if
 * PostgreSQL has none, since it has to read the whole table.
 */
export async function idsOf(
  clients: Clients,
  text: string,
  { thorough, onProgress, answerWithinMs }: Options = {},
): Promise<Named> {
  const id = User.shape[idField].safeParse(text);
  if (id.success) return { ids: [id.data], names: [], away: [] };
  const names = namingFields.filter((name) => fields.some((field) => field.name === name && field.kind === "text"));
  const named: Named = { ids: [], names, away: [] };
  const attempt = async (service: string, work: () => Promise<string[]>) => {
    try {
      named.ids = [...new Set([...named.ids, ...(await withinTime(work(), answerWithinMs))])].sort();
    } catch (error) {
      named.away.push({ service, why: shortMessage(error) });
    }
  };
  if (names.length === 0) return named;
  const { sql, cassandra, config } = clients;
  await attempt("PostgreSQL", () => idsInPostgres(sql, names, text));
  const report = (read: number, of: number) => onProgress?.("Cassandra", { read, of, unit: "token ranges" });
  if (named.ids.length === 0 || thorough)
    await attempt("Cassandra", () => idsInCassandra(cassandra, config.cassandra.keyspace, names, text, report));
  return named;
}
