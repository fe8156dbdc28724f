import type { Admin, Kafka } from "kafkajs";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import type { Log } from "../../runtime/log.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import type { Registry } from "../../runtime/registry.ts";
import { firstLook, openLook } from "./first-look.ts";
import { lookAgain } from "./second-look.ts";
import { type Cause, type Verdict, verdicts } from "./verdict.ts";

export interface Clients {
  kafka: Kafka;
  admin: Admin;
  registry: Registry;
  cassandra: Cassandra;
  sql: Postgres;
  log: Log;
}

/** Which users are compared: all, or those with a write since a time, or those of one run. */
export interface Scope {
  sinceMs?: number;
  /** A run's id, or the name of its folder. */
  runId?: string;
  /** Only these, in lower case. */
  ids?: readonly string[];
  /** The folder of the runs' folders; null if it cannot be read from here. */
  runsDir: string | null;
}

export interface Options {
  /** Called with what is being read, how much of it has been, and whether that is all. */
  onProgress?: (step: Step, rows: number, isDone: boolean) => void;
  stop: AbortSignal;
}
export type Step = "topics" | "Cassandra" | "PostgreSQL" | "runs" | "second look";

/** A user with a verdict other than equal or late. */
export interface Found {
  /** In the fold. */
  index: number;
  id: string;
  verdict: Verdict;
  cause: Cause;
}

/** The users compared, how many have each verdict, and those that something is wrong with. */
export interface Reconciled {
  users: number;
  counts: Record<Verdict, number>;
  found: Found[];
  /** What could not be judged, and why. */
  notes: string[];
  /** When the topics had been read to their end, in milliseconds since 1970. */
  readAtMs: number;
}

/**
 * Compares, user by user, the files of the runs, PostgreSQL, the topics and Cassandra. Rows are compared as they are
 * read, by write time and hash, and only ids are kept. Anything that does not match is looked at again, in an order that the
 * writes in between cannot disturb, before it is reported.
 */
export async function reconcile(clients: Clients, config: Config, scope: Scope, options: Options) {
  const look = openLook(clients, config, scope, options);
  const { users, suspects, readAtMs } = await firstLook(look);
  const judgements = await lookAgain(look, suspects);
  const counts = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  counts.equal = users - suspects.length;
  const found: Found[] = [];
  for (const [index, { verdict, cause }] of judgements) {
    counts[verdict] += 1;
    if (cause && verdict !== "equal" && verdict !== "late")
      found.push({ index, id: look.fold.table.idAt(index), verdict, cause });
  }
  found.sort((a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict));
  const reconciled: Reconciled = { users, counts, found, notes: look.notes, readAtMs };
  return { look, reconciled };
}
