/**
 * `bun run contract`: generates contract/generated/ from the contract and the API's operations; the list of sources from
 * the files in sources/; and what depends on the settings (settings-files.ts) from their schema. With `--check` it writes
 * nothing and fails if a file is out of date. Both fail if the Avro schema is incompatible with a published version, since
 * topics may still contain messages of that version.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openApiDocument } from "../api/app.ts";
import { captureSql } from "../contract/change-capture.ts";
import * as entity from "../contract/entity.ts";
import { createCql, createSql } from "../contract/tables.ts";
import { avroSchema } from "../contract/wire.ts";
import { breaksWith, sameBytes } from "./schema-compatibility.ts";
import { settingsFiles } from "./settings-files.ts";

const project = join(import.meta.dir, "..");
const generated = "contract/generated";
const versions = `${generated}/versions`;
const check = process.argv.includes("--check");

const avsc = `${JSON.stringify(avroSchema, null, 2)}\n`;
const published = await publishedVersions();
const faults = breaksWith(avsc, published);

const { topic, deadLetterTopic, changeTopic, table, keyspace, idField, timeField } = entity;
const names = { topic, deadLetterTopic, changeTopic, table, keyspace, idField, timeField };

const settings = await settingsFiles(project, check);
faults.push(...settings.faults);

const files = new Map([
  [`${generated}/entity.json`, `${JSON.stringify(names, null, 2)}\n`],
  [`${generated}/${topic}.avsc`, avsc],
  [`${generated}/${table}.cql`, `${createCql(keyspace, "datacenter1", 1).join("\n\n")}\n`],
  [`${generated}/${table}.sql`, `${createSql}\n`],
  [`${generated}/change_capture.sql`, `${captureSql}\n`],
  [`${generated}/openapi.json`, `${JSON.stringify(openApiDocument(), null, 2)}\n`],
  ...settings.files,
]);
if (!published.some(({ text }) => sameBytes(text, avsc)))
  files.set(`${versions}/${topic}.${published.length + 1}.avsc`, avsc);

if (check) {
  for (const [name, text] of files) {
    const file = Bun.file(join(project, name));
    if (!(await file.exists()) || (await file.text()) !== text)
      faults.push(`${name} is out of date: run \`bun run contract\``);
  }
} else if (faults.length === 0) {
  for (const [name, text] of files) await Bun.write(join(project, name), text);
}

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 2 : 0);

async function publishedVersions() {
  const names = await readdir(join(project, versions)).catch(() => []);
  return Promise.all(
    names.sort().map(async (name) => ({ name, text: await Bun.file(join(project, versions, name)).text() })),
  );
}
