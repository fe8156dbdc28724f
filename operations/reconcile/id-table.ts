import { discard } from "./garbage.ts";

/** The 128 bits of a UUID as four unsigned 32-bit words. */
export type Words = Uint32Array;

/** What is known about each id, one typed array a column: about 60 bytes an id, whatever its row holds. */
export interface IdTable {
  /** How many ids there are; their indexes are 0 to size - 1, in the order in which they came. */
  size(): number;
  /** The id's index, or -1. */
  find(id: Words): number;
  /** The id's index; a new id has zeros in every column. */
  add(id: Words): number;
  idAt(index: number): string;
  /** The id's four words. */
  wordsAt(index: number): Words;
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
/** The share of the index that may be in use before it doubles. */
const maxLoad = 0.6;

/** An open-addressing index over columns that grow by half. */
export function openIdTable(): IdTable {
  let size = 0;
  let capacity = firstCapacity;
  let ids = new Uint32Array(capacity * 4);
  /** For each slot an index plus one, or 0. */
  let slots = new Uint32Array(firstCapacity * 2);
  const columns: Columns = {
    time: new Float64Array(capacity),
    hash: new BigUint64Array(capacity),
    captured: new BigUint64Array(capacity),
    offset: new Float64Array(capacity),
    partition: new Uint16Array(capacity),
    flags: new Uint16Array(capacity),
  };

  const isAt = (index: number, id: Words) => {
    const at = index * 4;
    return ids[at] === id[0] && ids[at + 1] === id[1] && ids[at + 2] === id[2] && ids[at + 3] === id[3];
  };

  /** The slot that has the id, or the free one where it belongs. */
  function slotOf(id: Words): number {
    const mask = slots.length - 1;
    let slot = scatter(id) & mask;
    for (let taken = slots[slot]!; taken !== 0 && !isAt(taken - 1, id); taken = slots[slot]!) slot = (slot + 1) & mask;
    return slot;
  }

  /** One column after the other, so that only one of them is in memory twice. */
  function grow() {
    const before = capacity;
    capacity = Math.ceil(capacity * 1.5);
    ids = extended(ids, capacity * 4);
    discard(before * 16);
    for (const name of ["time", "hash", "captured", "offset", "partition", "flags"] as const) {
      columns[name] = extended(columns[name], capacity) as never;
      discard(before * 8);
    }
  }

  function growSlots() {
    slots = new Uint32Array(slots.length * 2);
    for (let index = 0; index < size; index++) slots[slotOf(wordsAt(index))] = index + 1;
  }

  const wordsAt = (index: number): Words => ids.subarray(index * 4, index * 4 + 4);

  return {
    size: () => size,
    find: (id) => slots[slotOf(id)]! - 1,
    add(id) {
      const slot = slotOf(id);
      if (slots[slot] !== 0) return slots[slot]! - 1;
      if (size === capacity) grow();
      ids.set(id, size * 4);
      slots[slot] = ++size;
      if (size > slots.length * maxLoad) growSlots();
      return size - 1;
    },
    idAt: (index) => textOf(wordsAt(index)),
    wordsAt,
    columns,
  };
}

/** Mixes the words: ids need not be random. */
function scatter(id: Words): number {
  let mixed = 0;
  for (let index = 0; index < 4; index++) {
    mixed = Math.imul(mixed ^ id[index]!, 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 0;
}

function extended<T extends Uint32Array | Float64Array | BigUint64Array | Uint16Array>(column: T, length: number): T {
  const longer = new (column.constructor as new (length: number) => T)(length);
  longer.set(column as never);
  return longer;
}

/** UUID text, in any case, to its words; `into` is filled and returned. @throws RangeError if it is no UUID */
export function wordsOf(id: string, into: Words = new Uint32Array(4)): Words {
  let word = 0;
  let digits = 0;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (code === 45 && (at === 8 || at === 13 || at === 18 || at === 23)) continue;
    const digit = code < 58 ? code - 48 : (code | 32) - 87;
    if (digit < 0 || digit > 15 || (code >= 58 && digit < 10)) throw new RangeError(`${id} is not a UUID`);
    word = (word << 4) | digit;
    if ((++digits & 7) === 0) into[(digits >> 3) - 1] = word;
  }
  if (id.length !== 36 || digits !== 32) throw new RangeError(`${id} is not a UUID`);
  return into;
}

function textOf(words: Words): string {
  const hex = Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
