import { schemaLimits } from "./bounded-avro.ts";
import { recordName } from "./entity.ts";
import { fields } from "./user.ts";

/**
 * The attribute of the generated schema that lists the contract's fields. Avro ignores it. It tells a schema of a newer
 * contract, whose fields must not be lost, from that of another producer, whose additional fields are skipped.
 */
export const contractAttribute = "contract";

/** The names of a record's fields; with a name, the fields of the record that it contains, or null. */
export type Known = ReadonlyMap<string, Known | null>;

export const knownUserFields: Known = new Map(fields.map(({ name }) => [name, null]));

/**
 * The fields of a writer's schema (Avro JSON) that belong to the contract, but not to this version of it. A record of
 * another name is not the contract's in this topic, whatever it says.
 */
export function newerFields(writerSchema: string, known: Known = knownUserFields, record = recordName): string[] {
  if (writerSchema.length > schemaLimits.length) return [];
  try {
    const schema: Written = JSON.parse(writerSchema);
    return String(schema.name).split(".").at(-1) === record ? newerIn(schema, known) : [];
  } catch {
    return [];
  }
}

interface Written {
  name?: unknown;
  fields?: unknown;
  [contractAttribute]?: unknown;
}

function newerIn(schema: Written | null, known: Known): string[] {
  const [ours, written] = [schema?.[contractAttribute], schema?.fields];
  if (!Array.isArray(ours) || !Array.isArray(written)) return [];
  return written.flatMap((field: { name?: unknown; type?: unknown } | null) => {
    const name = field?.name;
    if (typeof name !== "string" || !ours.includes(name)) return [];
    const inner = known.get(name);
    if (inner === undefined) return [name];
    if (inner === null) return [];
    const branches = [field?.type].flat() as (Written | null)[];
    return branches.flatMap((branch) => newerIn(branch, inner)).map((each) => `${name}.${each}`);
  });
}
