import { extended, type IdIndex, openIdIndex, type Words } from "../../stream/id-index.ts";
import { discard } from "./garbage.ts";

/** What is known about each id, one typed array a column: about 60 bytes an id, whatever its row holds. */
export interface IdTable extends IdIndex {
  /** The id's index; a new id has zeros in every column. */
  add(id: Words): number;
  /** Columns by index. They are replaced when the table grows: read them from here each time. */
  columns: Columns;
}

export interface Columns {
  /** The write time of the newest record, in microseconds. */
  time: Float64Array;
  /** The hash of the row that the newest record writes. */
  hash: BigUint64Array;
  /** The hash of the row in the id's last change event. */
  captured: BigUint64Array;
  /** The newest record's offset. */
  offset: Float64Array;
  /** The number of the newest record's partition, among all partitions of all topics. */
  partition: Uint16Array;
  flags: Uint16Array;
}

const firstCapacity = 4_096;

export function openIdTable(): IdTable {
  const index = openIdIndex(discard);
  const columns: Columns = {
    time: new Float64Array(firstCapacity),
    hash: new BigUint64Array(firstCapacity),
    captured: new BigUint64Array(firstCapacity),
    offset: new Float64Array(firstCapacity),
    partition: new Uint16Array(firstCapacity),
    flags: new Uint16Array(firstCapacity),
  };
  let capacity = firstCapacity;

  /** One column after the other, so that only one of them is in memory twice. */
  function grow() {
    capacity = Math.ceil(capacity * 1.5);
    for (const name of ["time", "hash", "captured", "offset", "partition", "flags"] as const) {
      const { byteLength } = columns[name];
      columns[name] = extended(columns[name], capacity) as never;
      discard(byteLength);
    }
  }

  return {
    ...index,
    add(id) {
      const at = index.add(id);
      if (at === capacity) grow();
      return at;
    },
    columns,
  };
}
