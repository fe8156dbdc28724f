import { valueSubject } from "../contract/entity.ts";
import { planCassandra, planPostgres } from "../contract/migration.ts";
import { editSchema } from "../contract/user-edits.ts";
import { avroSchema } from "../contract/wire.ts";
import type { Config } from "../runtime/config.ts";
import { topicToCreate, wantedTopics } from "../runtime/kafka/topics.ts";
import type { MissingThing } from "../runtime/missing.ts";
import { subjectToCreate } from "../runtime/registry.ts";

/** What an administrator runs on a server: CQL, SQL or commands of a shell. */
export interface Statements {
  server: "PostgreSQL" | "Cassandra" | "Kafka" | "Schema Registry";
  statements: readonly MissingThing[];
}

/** Everything that the pipeline needs on servers that have nothing of it. Pure. */
export function allStatements(config: Pick<Config, "kafka" | "cdc" | "cassandra" | "schemaRegistry">): Statements[] {
  const { kafka, cassandra, schemaRegistry } = config;
  const subject = (topic: string, schema: object) => subjectToCreate(schemaRegistry.url, valueSubject(topic), schema);
  return [
    { server: "PostgreSQL", statements: planPostgres({ columns: [], isTracked: false }).steps },
    {
      server: "Cassandra",
      statements: planCassandra({ hasKeyspace: false, columns: [], indexes: [] }, cassandra).steps,
    },
    { server: "Kafka", statements: wantedTopics(config).map((topic) => topicToCreate(topic, config)) },
    {
      server: "Schema Registry",
      statements: [...subject(kafka.topic, avroSchema), ...subject(kafka.editTopic, editSchema)],
    },
  ];
}
