import avro from "avsc";

/** A schema (Avro JSON) under the name of the file that holds it. */
export interface NamedSchema {
  name: string;
  text: string;
}

/**
 * What would break between `schema` and versions that were published before, in either direction (full transitive
 * compatibility, by Avro's schema resolution): old messages must stay readable, and old consumers must read new ones.
 * @returns one sentence for each break; empty where nothing breaks
 */
export function breaksWith(schema: string, published: readonly NamedSchema[]): string[] {
  const now = avro.Type.forSchema(JSON.parse(schema));
  return published.flatMap(({ name, text }) => {
    const then = avro.Type.forSchema(JSON.parse(text));
    return [
      ...breakOf(now, then, `messages of ${name} can no longer be read`),
      ...breakOf(then, now, `a consumer of ${name} can no longer read new messages`),
    ];
  });
}

/** Whether two schemas read and write the same bytes: equal in Avro's parsing canonical form. */
export const sameBytes = (one: string, other: string) => canonical(one) === canonical(other);

const canonical = (text: string) => JSON.stringify(avro.Type.forSchema(JSON.parse(text)).schema());

function breakOf(reader: avro.Type, writer: avro.Type, sentence: string): string[] {
  try {
    reader.createResolver(writer);
    return [];
  } catch (error) {
    return [`${sentence}: ${error instanceof Error ? error.message : error}`];
  }
}
