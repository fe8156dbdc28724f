/** The 128 bits of a UUID as four unsigned 32-bit words. */
export type Words = Uint32Array;

/** Numbers ids from 0 in the order in which they come, in 20 to 35 bytes an id: no object is kept for any of them. */
export interface IdIndex {
  /** How many ids there are. */
  size(): number;
  /** The id's number, or -1. */
  find(id: Words): number;
  /** The id's number, which is new if the id is. */
  add(id: Words): number;
  idAt(index: number): string;
}

const firstCapacity = 256;
/** The share of the slots that may be in use before they are doubled. */
const maxLoad = 0.6;

/** Open addressing over the ids' words, which grow by half; `onReplaced` is called with the bytes that are free then. */
export function openIdIndex(onReplaced: (bytes: number) => void = () => {}): IdIndex {
  let size = 0;
  let ids = new Uint32Array(firstCapacity * 4);
  /** For each slot a number plus one, or 0. */
  let slots = new Uint32Array(firstCapacity * 2);

  /** Whether the id with this number is that of the four words which begin `from`. */
  const isAt = (index: number, words: Words, from: number) => {
    for (let word = 0; word < 4; word++) if (ids[index * 4 + word] !== words[from + word]) return false;
    return true;
  };

  /** The slot that has the id whose four words begin `from`, or the free one where it belongs. */
  function slotOf(words: Words, from = 0): number {
    const mask = slots.length - 1;
    let slot = scatter(words, from) & mask;
    for (let taken = slots[slot]!; taken !== 0 && !isAt(taken - 1, words, from); taken = slots[slot]!)
      slot = (slot + 1) & mask;
    return slot;
  }

  function growIds() {
    const { byteLength } = ids;
    ids = extended(ids, 4 * Math.ceil(size * 1.5));
    onReplaced(byteLength);
  }

  function growSlots() {
    const { byteLength } = slots;
    slots = new Uint32Array(slots.length * 2);
    for (let index = 0; index < size; index++) slots[slotOf(ids, index * 4)] = index + 1;
    onReplaced(byteLength);
  }

  return {
    size: () => size,
    find: (id) => slots[slotOf(id)]! - 1,
    add(id) {
      const slot = slotOf(id);
      if (slots[slot] !== 0) return slots[slot]! - 1;
      if (size * 4 === ids.length) growIds();
      ids.set(id, size * 4);
      slots[slot] = ++size;
      if (size > slots.length * maxLoad) growSlots();
      return size - 1;
    },
    idAt: (index) => textOf(ids.subarray(index * 4, index * 4 + 4)),
  };
}

/** Mixes four words: ids need not be random. */
function scatter(words: Words, from: number): number {
  let mixed = 0;
  for (let word = 0; word < 4; word++) {
    mixed = Math.imul(mixed ^ words[from + word]!, 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 0;
}

/** A longer array that begins with the same elements. */
export function extended<T extends Uint32Array | Float64Array | BigUint64Array | Uint16Array>(
  column: T,
  length: number,
): T {
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
