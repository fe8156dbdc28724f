/**
 * The model that the fault matrix checks a table against: each row is a register, in which the write with the newest
 * write time wins. The model knows no write times, only that each lies between the beginning of a request and its answer, on
 * the one clock of the machine; so of two writes one is surely the older if it was answered before the other began.
 *
 * After the manner of Jepsen (jepsen.io/consistency): operations are recorded with their begin and end, and the check
 * looks for what no order of them explains.
 */

/** The value that a row has after a write: a text that no other write has, or null after a deletion. */
export type Value = string | null;

/**
 * What is known of a write: it is in force (`acknowledged`), it is not (`refused`), or it may be, now or later
 * (`unknown`): the answer was a time-out, or there was none.
 */
export type Outcome = "acknowledged" | "refused" | "unknown";

interface Interval {
  /** Milliseconds since 1970. */
  begin: number;
  end: number;
}

interface Write extends Interval {
  id: string;
  value: Value;
  outcome: Outcome;
}

interface Read extends Interval {
  id: string;
  value: Value;
}

/** What no order of the writes explains. */
export interface Anomaly {
  kind: "lost" | "invented" | "older over newer" | "refused, yet stored";
  id: string;
  detail: string;
}

/** Records the operations on all rows, and finds anomalies. */
export interface Registers {
  /** Announces a write before it is sent; the function returned takes its outcome. */
  begin: (id: string, value: Value) => (outcome: Outcome) => void;
  /** Records a value that was read of a row, with the time at which the request began. */
  saw: (id: string, value: Value, begin: number) => void;
  /** The ids of all rows that were written. */
  ids: () => Iterable<string>;
  counts: () => Record<Outcome | "reads", number>;
  /** Checks the reads so far, and the rows as they are once everything has arrived, by id. */
  anomalies: (rows: ReadonlyMap<string, string>) => Anomaly[];
}

/** How much the clock's readings of two processes, and a write time that is truncated to milliseconds, may differ. */
const toleranceMs = 2;

export function openRegisters(now: () => number = Date.now): Registers {
  const writes = new Map<string, Write[]>();
  const reads = new Map<string, Read[]>();

  const isSurelyOlder = (one: Interval, other: Interval) => one.end + toleranceMs < other.begin;

  /** The writes that can have led to a value: that with this text, or all deletions and the state before any write. */
  const sourcesOf = (id: string, value: Value): Write[] => {
    const found = (writes.get(id) ?? []).filter((write) => write.value === value);
    const nothingYet: Write = { id, value: null, outcome: "acknowledged", begin: -Infinity, end: -Infinity };
    return value === null ? [...found, nothingYet] : found;
  };

  function checkFinal(id: string, value: Value): Anomaly | undefined {
    const sources = sourcesOf(id, value);
    if (sources.length === 0) return { kind: "invented", id, detail: `the row has ${value}, which nobody wrote` };
    if (sources.every(({ outcome }) => outcome === "refused"))
      return { kind: "refused, yet stored", id, detail: `the row has ${value}, whose write was refused` };
    const acknowledged = (writes.get(id) ?? []).filter(({ outcome }) => outcome === "acknowledged");
    const newerOf = (source: Write) => acknowledged.find((write) => isSurelyOlder(source, write));
    const newer = sources.filter(({ outcome }) => outcome !== "refused").map(newerOf);
    if (newer.some((write) => write === undefined)) return undefined;
    return { kind: "lost", id, detail: `the row has ${value}, but ${newer.at(-1)?.value} was acknowledged after it` };
  }

  function checkReads(id: string): Anomaly[] {
    const found: Anomaly[] = [];
    /** The reads in the order of their ends, each with the writes that it can be of. */
    const seen = (reads.get(id) ?? [])
      .map((read) => ({
        read,
        sources: sourcesOf(id, read.value).filter(({ begin }) => begin <= read.end + toleranceMs),
      }))
      .sort((one, other) => one.read.end - other.read.end);
    for (const { read, sources } of seen)
      if (sources.length === 0)
        found.push({ kind: "invented", id, detail: `${read.value} was read before anybody wrote it` });
    for (const [at, later] of seen.entries())
      for (const earlier of seen.slice(0, at)) {
        if (!isSurelyOlder(earlier.read, later.read) || earlier.sources.length === 0 || later.sources.length === 0)
          continue;
        const wentBack = later.sources.every((source) =>
          earlier.sources.every((other) => isSurelyOlder(source, other)),
        );
        if (wentBack)
          found.push({
            kind: "older over newer",
            id,
            detail: `${later.read.value} was read after ${earlier.read.value}, which is newer`,
          });
      }
    return found;
  }

  return {
    begin(id, value) {
      // Until it is answered, nothing is known of it.
      const write: Write = { id, value, outcome: "unknown", begin: now(), end: Infinity };
      const ofRow = writes.get(id);
      if (ofRow) ofRow.push(write);
      else writes.set(id, [write]);
      return (outcome) => {
        write.outcome = outcome;
        if (outcome !== "unknown") write.end = now();
      };
    },
    saw(id, value, begin) {
      const read: Read = { id, value, begin, end: now() };
      const ofRow = reads.get(id);
      if (ofRow) ofRow.push(read);
      else reads.set(id, [read]);
    },
    ids: () => writes.keys(),
    counts() {
      const all = [...writes.values()].flat();
      const countOf = (outcome: Outcome) => all.filter((write) => write.outcome === outcome).length;
      return {
        acknowledged: countOf("acknowledged"),
        refused: countOf("refused"),
        unknown: countOf("unknown"),
        reads: [...reads.values()].reduce((sum, ofRow) => sum + ofRow.length, 0),
      };
    },
    anomalies(rows) {
      const unknownRows = [...rows.keys()].filter((id) => !writes.has(id));
      return [
        ...unknownRows.map((id): Anomaly => ({ kind: "invented", id, detail: "nobody wrote this row" })),
        ...[...writes.keys()].flatMap((id) => checkFinal(id, rows.get(id) ?? null) ?? []),
        ...[...reads.keys()].flatMap(checkReads),
      ];
    },
  };
}
