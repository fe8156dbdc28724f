import { valueSubject } from "../../contract/entity.ts";
import { editSchema } from "../../contract/user-edits.ts";
import { avroSchema } from "../../contract/wire.ts";
import type { Config } from "../../runtime/config.ts";
import { openRegistry } from "../../runtime/registry.ts";

/** Registers the contract's schemas, as produce and the API do where they may. */
export async function registerSchemas({ schemaRegistry, kafka }: Pick<Config, "schemaRegistry" | "kafka">) {
  const registry = openRegistry(schemaRegistry);
  await registry.register(valueSubject(kafka.topic), avroSchema);
  await registry.register(valueSubject(kafka.editTopic), editSchema);
}
