/** When a row changed in PostgreSQL, as its log says. */
export interface LogPosition {
  /** The row's id. */
  id: string;
  /** When its transaction was committed, in microseconds since 1970. */
  commitMicros: number;
  /** The place of the change inside its transaction, from 1. */
  order: number;
  /** Where the change stands in the log; of two changes of a row the later one stands further on. */
  lsn: number;
}

export interface WriteTimes {
  /** The write time of a change, in microseconds. */
  of(change: LogPosition): number;
}

interface Known {
  lsn: number;
  writeTimeMicros: number;
}

/**
 * Write times for the changes of one partition, read in its order from any offset on. A change's write time is its transaction's commit
 * time, or one microsecond after the row's change before it, where that is later: so of two changes of a row the later
 * one always wins, in one transaction as well as in two. A change that is read again gets no newer time than before.
 *
 * The place inside the transaction is not simply added to the commit time: the last row of a large transaction would
 * be dated so far ahead that it wins over an edit made right after. It is added only where reading began inside a
 * transaction, or where more rows than `maxRows` were read since, and an earlier change of the row may be unknown: it
 * is greater than the number of changes that went before.
 */
export function openWriteTimes(maxRows = 50_000): WriteTimes {
  let recent = new Map<string, Known>();
  let older = new Map<string, Known>();
  let recentUpTo = Number.NEGATIVE_INFINITY;
  let olderUpTo = Number.NEGATIVE_INFINITY;
  /** Transactions committed up to this time may have changes that are not known here. */
  let unknownUpTo: number | undefined;

  function remember(id: string, known: Known, commitMicros: number) {
    if (recent.size >= maxRows) {
      unknownUpTo = Math.max(unknownUpTo ?? olderUpTo, olderUpTo);
      [older, olderUpTo] = [recent, recentUpTo];
      [recent, recentUpTo] = [new Map(), Number.NEGATIVE_INFINITY];
    }
    recent.set(id, known);
    recentUpTo = Math.max(recentUpTo, commitMicros);
  }

  return {
    of({ id, commitMicros, order, lsn }) {
      unknownUpTo ??= order === 1 ? commitMicros - 1 : commitMicros;
      const before = recent.get(id) ?? older.get(id);
      if (before?.lsn === lsn) return before.writeTimeMicros;
      const alone = commitMicros <= unknownUpTo ? commitMicros + order : commitMicros;
      if (before && lsn < before.lsn) return alone; // read again; the row's newer change is known
      const writeTimeMicros = before ? Math.max(alone, before.writeTimeMicros + 1) : alone;
      remember(id, { lsn, writeTimeMicros }, commitMicros);
      return writeTimeMicros;
    },
  };
}
