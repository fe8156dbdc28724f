import { expect, test } from "bun:test";
import { changeable } from "../contract/samples.ts";
import { editSchema } from "../contract/user-edits.ts";
import { avroSchema } from "../contract/wire.ts";
import { registryCheck } from "../operations/doctor/registry.ts";
import { openDoctor } from "./support/doctor.ts";

const { lines, namesWith } = openDoctor(import.meta.path);

const put = async (url: string, method: string, body: unknown) => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  expect(response.status).toBe(200);
};

test("the latest schema of a newer, an earlier or no contract, and a subject that accepts everything", async () => {
  const names = namesWith();
  const { url } = names.config.schemaRegistry;
  const subject = `${names.topic}-value`;
  const register = (schema: object) =>
    put(`${url}/subjects/${subject}/versions`, "POST", { schema: JSON.stringify(schema), schemaType: "AVRO" });
  const level = (compatibility: string) => put(`${url}/config/${subject}`, "PUT", { compatibility });
  expect(await lines([registryCheck], names)).toEqual([]); // nothing has been produced

  await register(avroSchema);
  expect(await lines([registryCheck], names)).toEqual([
    `warning subject ${subject}: its compatibility is NONE, so a schema that cannot be read would be accepted. ` +
      `Set it: \`curl -X PUT ${url}/config/${subject} -H 'Content-Type: application/json' -d '{"compatibility": "BACKWARD"}'\`.`,
  ]);
  await level("BACKWARD");
  expect(await lines([registryCheck], names)).toEqual([]);

  const height = { name: "height", type: ["null", "int"], default: null };
  await register({
    ...avroSchema,
    contract: [...avroSchema.contract, "height"],
    fields: [...avroSchema.fields, height],
  });
  expect(await lines([registryCheck], names)).toEqual([
    `warning subject ${subject}: version 2 has the field height: this version of the project is older than what produces. ` +
      "Update this machine's checkout or image, and roll it out as docs/new-field.md says.",
  ]);

  await level("NONE");
  await register({ type: "record", name: "Order", fields: [{ name: "total", type: "double" }] });
  await level("BACKWARD");
  const [foreign] = await lines([registryCheck], names);
  expect(foreign).toStartWith(`error subject ${subject}: version 3 is not of this project: `);
  expect(foreign).not.toContain("\n");

  const without = (name: string) => ({
    ...avroSchema,
    contract: avroSchema.contract.filter((each) => each !== name),
    fields: avroSchema.fields.filter((each) => each.name !== name),
  });
  await level("NONE");
  await register(without(changeable.long));
  await level("FULL_TRANSITIVE");
  const edited = `${names.config.kafka.editTopic}-value`;
  await put(`${url}/config/${edited}`, "PUT", { compatibility: "BACKWARD" });
  const fields = editSchema.fields.map((field) =>
    field.name === "user" ? { ...field, type: ["null", without(changeable.optional)] } : field,
  );
  const earlier = JSON.stringify({ ...editSchema, fields });
  await put(`${url}/subjects/${edited}/versions`, "POST", { schema: earlier, schemaType: "AVRO" });
  expect(await lines([registryCheck], names)).toEqual([
    `warning subject ${subject}: version 4 is of an earlier contract, without the field ${changeable.long}: nothing has produced with this one yet. ` +
      "Run the DAG once: its task produce registers the contract's schema.",
    `warning subject ${edited}: version 1 is of an earlier contract, without the field user.${changeable.optional}: nothing has produced with this one yet. ` +
      "Update the API: its next write registers the contract's schema.",
  ]);
});
