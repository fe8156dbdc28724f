// @ts-expect-error: kafkajs declares no types for its inner files
import Encoder from "kafkajs/src/protocol/encoder";

/** Represents a header without a value, which kafkajs 2.2.4 reads as null but cannot write. */
export const nullHeader = Buffer.alloc(0);

/** Writes `nullHeader` as null, which takes one byte, the same as the empty value that kafkajs computes sizes with. */
export function patchNullHeaders() {
  const { writeVarIntBytes } = Encoder.prototype;
  Encoder.prototype.writeVarIntBytes = function (value: unknown) {
    return writeVarIntBytes.call(this, value === nullHeader ? null : value);
  };
}
