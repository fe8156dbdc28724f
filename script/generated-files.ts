import { openApiDocument } from "../api/app.ts";
import { captureSql } from "../contract/change-capture.ts";
import * as entity from "../contract/entity.ts";
import { rollOutText, updateCql, updateSql } from "../contract/migration.ts";
import { createCql, createSql } from "../contract/tables.ts";
import { editSchema } from "../contract/user-edits.ts";
import { avroSchema } from "../contract/wire.ts";
import { settingsFiles } from "./settings-files.ts";

const generated = "contract/generated";

/**
 * The contract's Avro schemas, all files that derive from the contract, the sources and the settings, by name, what
 * keeps them from being written, and how a new schema is rolled out.
 */
export async function generatedFiles(project: string, check: boolean) {
  const { topic, deadLetterTopic, changeTopic, editTopic, table, keyspace, idField, timeField } = entity;
  const names = { topic, deadLetterTopic, changeTopic, editTopic, table, keyspace, idField, timeField };
  const schemas = [
    { topic, avsc: `${JSON.stringify(avroSchema, null, 2)}\n` },
    { topic: editTopic, avsc: `${JSON.stringify(editSchema, null, 2)}\n` },
  ];
  const [createKeyspace, createTable, ...createIndexes] = createCql(keyspace, "datacenter1", 1);
  const cql = [createKeyspace, createTable, updateCql(keyspace).join("\n"), ...createIndexes];
  const settings = await settingsFiles(project, check);
  const files = new Map([
    [`${generated}/entity.json`, `${JSON.stringify(names, null, 2)}\n`],
    ...schemas.map(({ topic, avsc }): [string, string] => [`${generated}/${topic}.avsc`, avsc]),
    [`${generated}/${table}.cql`, `${cql.join("\n\n")}\n`],
    [`${generated}/${table}.sql`, `${createSql}\n\n${updateSql}\n`],
    [`${generated}/change_capture.sql`, `${captureSql}\n`],
    [`${generated}/openapi.json`, `${JSON.stringify(openApiDocument(), null, 2)}\n`],
    ...settings.files,
  ]);
  return { schemas, files, faults: settings.faults, rollOut: rollOutText };
}
