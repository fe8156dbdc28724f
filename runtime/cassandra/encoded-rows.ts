import { types } from "cassandra-driver";
// @ts-expect-error: the driver declares no types for its inner files
import { BatchRequest } from "cassandra-driver/lib/requests";

/** Rows of one statement in a batch, their values as the native protocol has them: for each a length and its bytes. */
export class EncodedRows {
  /**
   * @param bytes the values of all rows, one row after the other
   * @param ends where each row ends in `bytes`
   * @param columns the types that the values have, by the driver's codes; a statement with others fails with a TypeError
   */
  constructor(
    readonly bytes: Buffer,
    readonly ends: readonly number[],
    readonly columns: readonly number[],
  ) {}
}

/** A prepared statement of a batch, as the driver's request has it. */
interface Statement {
  queryId: Buffer;
  params: readonly unknown[];
  meta: { columns: readonly { type: { code: number } }[] };
}

interface Batch {
  queries: readonly Statement[];
  length: number;
}

type Write = (this: Batch, encoder: object, streamId: number) => Buffer;

// Byte positions in a frame with a batch. Source: Cassandra's native_protocol_v4.spec, "Frame header" and "BATCH".
const at = { bodyLength: 5, body: 9, count: 10, statements: 12 } as const;

/** A statement that the driver writes as seven bytes: its kind, the length of its text, the number of its values. */
const placeholder = { query: "", params: [] };
const placeholderBytes = 7;

/**
 * Makes `client.batch` take `EncodedRows` as a statement's only parameter. The driver 4.10 makes about four objects for
 * each value, which is a third of what a row costs the consumer. It still writes the frame of the batch, with one empty
 * statement, whose place the rows take.
 */
export function patchBatches() {
  const write: Write = BatchRequest.prototype.write;
  BatchRequest.prototype.write = function (this: Batch, encoder: object, streamId: number) {
    const rows = this.queries.map(({ params }) => params?.[0]);
    if (!rows.some((row) => row instanceof EncodedRows)) return write.call(this, encoder, streamId);
    const empty: Batch = Object.assign(Object.create(this), { queries: [placeholder] });
    const frame = write.call(empty, encoder, streamId);
    const statements = this.queries.map((statement, index) => statementsOf(statement, rows[index]));
    const bytes = Buffer.concat([
      frame.subarray(0, at.statements),
      ...statements,
      frame.subarray(at.statements + placeholderBytes),
    ]);
    this.length = bytes.length - at.body;
    bytes.writeInt32BE(this.length, at.bodyLength);
    bytes.writeUInt16BE(
      rows.reduce<number>((sum, row) => sum + (row as EncodedRows).ends.length, 0),
      at.count,
    );
    return bytes;
  };
}

const { ascii, varchar } = types.dataTypes;
/** Both texts have the same bytes, and Cassandra refuses a row whose text is not ASCII. */
const kindOf = (code: number) => (code === ascii ? varchar : code);

/** A prepared statement once for each row. */
function statementsOf({ queryId, meta }: Statement, rows: unknown): Buffer {
  if (!(rows instanceof EncodedRows)) throw new TypeError("a batch has encoded rows in all statements or in none");
  const { bytes, ends, columns } = rows;
  if (
    meta.columns.length !== columns.length ||
    meta.columns.some(({ type }, index) => kindOf(type.code) !== columns[index])
  )
    throw new TypeError("the table's columns have other types than the encoded rows");
  const head = Buffer.alloc(1 + 2 + queryId.length + 2);
  head.writeUInt8(1, 0); // prepared
  head.writeUInt16BE(queryId.length, 1);
  queryId.copy(head, 3);
  head.writeUInt16BE(columns.length, 3 + queryId.length);
  const statements = Buffer.allocUnsafe(bytes.length + ends.length * head.length);
  let position = 0;
  let begin = 0;
  for (const end of ends) {
    position += head.copy(statements, position);
    position += bytes.copy(statements, position, begin, end);
    begin = end;
  }
  return statements;
}
