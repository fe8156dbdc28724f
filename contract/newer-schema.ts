import { schemaLimits } from "./bounded-avro.ts";
import { fields } from "./user.ts";

/**
 * The attribute of the generated schema that lists the contract's fields. Avro ignores it. It tells a schema of a newer
 * contract, whose fields must not be lost, from that of another producer, whose additional fields are skipped.
 */
export const contractAttribute = "contract";

const known = new Set<string>(fields.map(({ name }) => name));

/** The fields of a writer's schema (Avro JSON) that belong to the contract, but not to this version of it. */
export function newerFields(writerSchema: string): string[] {
  if (writerSchema.length > schemaLimits.length) return [];
  let schema: { fields?: unknown; [contractAttribute]?: unknown } | null;
  try {
    schema = JSON.parse(writerSchema);
  } catch {
    return [];
  }
  const [ours, written] = [schema?.[contractAttribute], schema?.fields];
  if (!Array.isArray(ours) || !Array.isArray(written)) return [];
  return written
    .map((field: { name?: unknown } | null) => field?.name)
    .filter((name): name is string => typeof name === "string" && ours.includes(name) && !known.has(name));
}
