/** How much garbage there may be, in bytes. */
const everyBytes = 25_000_000;
/** What a record or a row leaves behind once it is decoded and checked: many small objects, and copies of its bytes. */
const bytesEach = 6_000;
const bytesPerByte = 9;

let garbageBytes = 0;

/** Called for a record or a row of this size that is not needed any more. */
export const discardRead = (bytes: number) => discard(bytesEach + bytesPerByte * bytes);

/**
 * Called for memory that is not needed any more. JavaScriptCore lets its heap grow in proportion to the machine's
 * memory; collecting it in these steps costs a tenth more CPU, and halves what is used besides the ids.
 */
export function discard(bytes: number) {
  garbageBytes += bytes;
  if (garbageBytes < everyBytes) return;
  garbageBytes = 0;
  Bun.gc(true);
}
