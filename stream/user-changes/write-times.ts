import { extended, openIdIndex, type Words, wordsOf } from "../id-index.ts";

/** The position of a row's change in PostgreSQL's log. */
export interface LogPosition {
  /** The row's id, a UUID. */
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
  let recent = openRows();
  let older = openRows();
  /** Transactions committed up to this time may contain changes that are unknown here. */
  let unknownUpTo: number | undefined;
  const words: Words = new Uint32Array(4);

  function remember({ commitMicros, lsn }: LogPosition, writeTimeMicros: number) {
    if (recent.ids.size() >= maxRows) {
      unknownUpTo = Math.max(unknownUpTo ?? older.upTo, older.upTo);
      [older, recent] = [recent, openRows()];
    }
    recent.put(words, lsn, writeTimeMicros);
    recent.upTo = Math.max(recent.upTo, commitMicros);
  }

  return {
    of(change) {
      const { id, commitMicros, order, lsn } = change;
      unknownUpTo ??= order === 1 ? commitMicros - 1 : commitMicros;
      wordsOf(id, words);
      const before = recent.get(words) ?? older.get(words);
      if (before?.lsn === lsn) return before.writeTimeMicros;
      const ownMicros = commitMicros <= unknownUpTo ? commitMicros + order : commitMicros;
      if (before && lsn < before.lsn) return ownMicros; // read again; the row's newer change is known
      const writeTimeMicros = before ? Math.max(ownMicros, before.writeTimeMicros + 1) : ownMicros;
      remember(change, writeTimeMicros);
      return writeTimeMicros;
    },
  };
}

/** The last changes of some rows. There may be many, so that no object is kept for any of them. */
function openRows() {
  const ids = openIdIndex();
  let lsns = new Float64Array(256);
  let micros = new Float64Array(256);
  return {
    ids,
    /** The latest commit of them. */
    upTo: Number.NEGATIVE_INFINITY,
    put(id: Words, lsn: number, writeTimeMicros: number) {
      const index = ids.add(id);
      if (index === lsns.length) [lsns, micros] = [extended(lsns, 2 * index), extended(micros, 2 * index)];
      lsns[index] = lsn;
      micros[index] = writeTimeMicros;
    },
    get(id: Words) {
      const index = ids.find(id);
      return index < 0 ? undefined : { lsn: lsns[index]!, writeTimeMicros: micros[index]! };
    },
  };
}
