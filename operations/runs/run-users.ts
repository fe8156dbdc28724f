import { idField, table } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import { openReader } from "../../runtime/kafka/reader.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { readLetter } from "../dead-letters/letter.ts";
import type { Away, Clients } from "../where/facts.ts";
import { openStageUsers, type Rejected, type StageUsers } from "./stage-users.ts";

/** A dead letter of a user of the run. */
export interface UserLetter {
  partition: number;
  offset: string;
  reason: string;
}

/** Where a user of a run has got to. */
export type Reached =
  | { kind: "formatted" | "backed up" | "produced" | "stored" }
  | { kind: "left out"; why: string }
  | { kind: "dead letter"; letter: UserLetter };

/** What became of a run's users; counts of what could not be asked are null. */
export interface RunUsers {
  users: readonly User[];
  rejected: readonly Rejected[];
  formatted: number;
  /** Rows in PostgreSQL now. */
  backedUp: number | null;
  /** In the file of acknowledged records; null before the task `produce` has written it. */
  produced: number | null;
  /** Rows in Cassandra now. */
  stored: number | null;
  deadLettered: number | null;
  /** Whether everyone who was produced is stored or a dead letter. */
  isComplete: boolean;
  reached: (user: User) => Reached;
  /** When the run's files last changed, in milliseconds since 1970. */
  changedMs: number;
  away: Away[];
}

/** Who has arrived is asked for again after this long, since rows can be deleted. */
const forgetAfterMs = 30_000;

/** Follows the users of one run through the stores, asking only for those that have not arrived. */
export function followRunUsers(clients: Clients, runsDir: string, runId: string) {
  const readStages = openStageUsers(runsDir, runId);
  const stored = new Set<string>();
  const letters = openLetters(clients);
  let inPostgres: Set<string> | undefined;
  let rememberedMs = 0;

  return async (): Promise<RunUsers | undefined> => {
    const stages = await readStages();
    if (!stages) return undefined;
    if (performance.now() - rememberedMs > forgetAfterMs) {
      stored.clear();
      inPostgres = undefined;
      rememberedMs = performance.now();
    }
    const away: Away[] = [];
    const attempt = async <T>(service: string, work: () => Promise<T>): Promise<T | null> => {
      try {
        return await work();
      } catch (error) {
        away.push({ service, why: messageOf(error).split("\n", 1)[0] ?? "" });
        return null;
      }
    };
    const ids = stages.formatted.map((user) => user[idField]);
    const sent = stages.produced ?? stages.backedUp ?? new Set<string>();
    const [rows, isStoredKnown] = await Promise.all([
      attempt("PostgreSQL", async () => (inPostgres?.size === ids.length ? inPostgres : await rowsIn(clients, ids))),
      attempt("Cassandra", async () => {
        for (const id of await storedOf(
          clients,
          [...sent].filter((each) => !stored.has(each)),
        ))
          stored.add(id);
        return true;
      }),
    ]);
    inPostgres = rows ?? undefined;
    const missing = [...(stages.produced ?? [])].filter((id) => !stored.has(id));
    const found = await attempt("Kafka", () => letters(missing, stages.sinceMs));
    return { ...summaryOf(stages, { rows, stored, letters: found, isStoredKnown: isStoredKnown !== null }), away };
  };
}

interface Known {
  rows: Set<string> | null;
  stored: ReadonlySet<string>;
  letters: ReadonlyMap<string, UserLetter> | null;
  isStoredKnown: boolean;
}

function summaryOf(stages: StageUsers, { rows, stored, letters, isStoredKnown }: Known): Omit<RunUsers, "away"> {
  const { formatted, backedUp, produced, rejected } = stages;
  const open = [...(produced ?? [])].filter((id) => !stored.has(id));
  const dead = open.filter((id) => letters?.has(id));
  const reached = (user: User): Reached => {
    const id = user[idField];
    const letter = letters?.get(id);
    if (stored.has(id)) return { kind: "stored" };
    if (letter) return { kind: "dead letter", letter };
    if (produced?.has(id)) return { kind: "produced" };
    if (backedUp?.has(id)) return produced ? { kind: "left out", why: leftOut("produce") } : { kind: "backed up" };
    return backedUp ? { kind: "left out", why: leftOut("backup") } : { kind: "formatted" };
  };
  return {
    users: formatted,
    rejected,
    formatted: formatted.length,
    backedUp: rows?.size ?? null,
    produced: produced?.size ?? null,
    stored: isStoredKnown ? stored.size : null,
    deadLettered: letters ? dead.length : null,
    changedMs: stages.changedMs,
    isComplete: produced !== undefined && open.length === dead.length,
    reached,
  };
}

const leftOut = (task: "backup" | "produce") =>
  task === "backup" ? "deleted in PostgreSQL, or rejected by backup" : "rejected by produce";

async function rowsIn({ sql }: Clients, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql.unsafe(`SELECT ${idField} FROM ${table} WHERE ${idField} = ANY($1::uuid[])`, [[...ids]]);
  return new Set(rows.map((row) => String(row[idField])));
}

const perQuery = 100;

/** Which of these have a row in Cassandra. */
async function storedOf({ cassandra, config }: Clients, ids: readonly string[]): Promise<string[]> {
  const query = `SELECT ${idField} FROM ${config.cassandra.keyspace}.${table} WHERE ${idField} IN ?`;
  const found: string[] = [];
  for (let first = 0; first < ids.length; first += perQuery) {
    const { rows } = await cassandra.execute(query, [ids.slice(first, first + perQuery)]);
    found.push(...rows.map((row) => String(row[idField])));
  }
  return found;
}

const maxBytesPerLook = 8 * 1024 ** 2;
const earlierMs = 60_000;

/** Finds the dead letters of users, by the keys of their records; each part of the topic is read once. */
function openLetters({ kafka, config }: Clients) {
  const { topic, deadLetterTopic } = config.kafka;
  const found = new Map<string, UserLetter>();
  const next = new Map<number, bigint>();

  return async (ids: readonly string[], sinceMs: number): Promise<ReadonlyMap<string, UserLetter>> => {
    if (ids.length === 0) return found;
    const reader = await openReader(kafka);
    try {
      for (const partition of reader.partitions(deadLetterTopic)) {
        const bounds = await reader.bounds(deadLetterTopic, partition);
        const from = next.get(partition) ?? (await reader.offsetAt(deadLetterTopic, partition, sinceMs - earlierMs));
        if (from === null || from >= bounds.to) continue;
        const range = { topic: deadLetterTopic, partition, from, to: bounds.to, text: "", maxBytes: maxBytesPerLook };
        const { records, next: after } = await reader.search(range);
        next.set(partition, after);
        for (const record of records.filter(({ unreadable }) => !unreadable)) {
          const { origin, reason, offset, message } = readLetter(record, partition);
          if (origin?.topic === topic) found.set(String(message.key), { partition, offset, reason });
        }
      }
    } finally {
      await reader.close();
    }
    return found;
  };
}
