// @ts-expect-error: kafkajs declares no types for its inner files
import Encoder from "kafkajs/src/protocol/encoder";

/** Stands for a header without a value, which kafkajs 2.2.4 reads as null and fails to write. */
export const nullHeader = Buffer.alloc(0);

/** Writes `nullHeader` as the null that it stands for. It takes one byte, as the empty value that kafkajs reckons with. */
export function patchNullHeaders() {
  const { writeVarIntBytes } = Encoder.prototype;
  Encoder.prototype.writeVarIntBytes = function (value: unknown) {
    return writeVarIntBytes.call(this, value === nullHeader ? null : value);
  };
}
