/** The position of a row's change in PostgreSQL's log. */
export interface LogPosition {
  /** The row's id. */
  id: string;
  /** When its transaction was committed, in microseconds since 1970. */
  commitMicros: number;
  /** The position of the change within its transaction, from 1. */
  order: number;
  /** The log sequence number; of two changes of a row, the later one has the greater. */
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
 * Write times for the changes of one partition, read in order from any offset. A change's write time is its
 * transaction's commit time, or one microsecond after the row's previous change if that is later. So of two changes of
 * a row the later one always wins, within one transaction and across transactions. A change that is read again never
 * gets a newer time.
 *
 * The position within the transaction is not always added to the commit time: the last row of a large transaction would
 * be dated so far ahead that it would win over an edit made right after. It is added only if an earlier change of the
 * row may be unknown, because reading started inside a transaction or more than `maxRows` rows have been read since:
 * the position is greater than the number of preceding changes.
 */
export function openWriteTimes(maxRows = 50_000): WriteTimes {
  let recent = new Map<string, Known>();
  let older = new Map<string, Known>();
  let recentUpTo = Number.NEGATIVE_INFINITY;
  let olderUpTo = Number.NEGATIVE_INFINITY;
  /** Transactions committed up to this time may contain changes that are unknown here. */
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
      const ownMicros = commitMicros <= unknownUpTo ? commitMicros + order : commitMicros;
      if (before && lsn < before.lsn) return ownMicros; // read again; the row's newer change is known
      const writeTimeMicros = before ? Math.max(ownMicros, before.writeTimeMicros + 1) : ownMicros;
      remember(id, { lsn, writeTimeMicros }, commitMicros);
      return writeTimeMicros;
    },
  };
}
