import avro from "avsc";

/** An Avro schema (JSON) and the name of its file. */
export interface NamedSchema {
  name: string;
  text: string;
}

/**
 * Checks `schema` for full transitive compatibility with the published versions, by Avro's schema resolution: it must
 * read their messages, and they must read its messages.
 * @returns a sentence for each incompatibility
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

/** Whether two schemas have the same binary encoding, that is, the same canonical form. */
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
