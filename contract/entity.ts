/**
 * What the pipeline carries, and its names: topics, tables, schemas, default settings and Spark's job derive from this
 * file, and contract/user.ts has the fields. docs/your-own-record.md shows how to carry another record.
 */

/** One record, and several, as routes, options and messages name them. */
export const singular = "user";
export const plural = "users";

/** The name and namespace of the Avro record. Messages of a record with another name cannot be read. */
export const recordName = "User";
export const namespace = "user_automation";

/** The field that identifies a record: the Kafka key and both tables' primary key. A UUID. */
export const idField = "id";

/** The field that says when a record was last written: the write time in both tables; the newest wins. */
export const timeField = "timestamp";

/**
 * The text fields that the API searches by. Cassandra has an index on each, which costs every write: take out those that
 * you do not search by (docs/decisions/0018-search-indexes.md).
 */
export const searchFields = ["first_name", "last_name", "email", "username"] as const;

/** The text fields that people know a record by: `bun run where` finds it by them. */
export const namingFields: readonly string[] = ["email", "username"];

/** The table in Cassandra and in PostgreSQL, and Cassandra's keyspace. */
export const table = "created_users";
export const keyspace = "spark_streams";

/** The topic of created records: Avro in the Confluent wire format, keyed by id. */
export const topic = "users_created";

/** The dead-letter topic: all records that cannot be stored, with the reason and the original bytes. */
export const deadLetterTopic = `${topic}.dlq`;

/** The topic that says which dead letters are settled: replayed or dismissed. Compacted. */
export const settledTopicOf = (ofDeadLetterTopic: string) => `${ofDeadLetterTopic}.settled`;

/**
 * The topic that says who was forgotten, by the hash of the id: no record, file or row of theirs is applied or written
 * again. Compacted.
 */
export const forgottenTopicOf = (ofTopic: string) => `${ofTopic}.forgotten`;

/** The topic of edits made through the API, keyed by id, and the name of its Avro record. */
export const editTopic = "users_edited";
export const editRecordName = `${recordName}Edit`;

/** The Schema Registry subject of a topic's values (TopicNameStrategy). */
export const valueSubject = (ofTopic: string) => `${ofTopic}-value`;

/** The group of the consumers that store the topic in Cassandra. */
export const consumerGroup = `${topic}.cassandra`;

/** Debezium's connector, which reads changes of the PostgreSQL table; postgres-connector.json has the same names. */
export const connector = `postgres-${table.replaceAll("_", "-")}`;
export const topicPrefix = "postgresDebesium";

/** PostgreSQL's publication and replication slot for the connector. */
export const publication = `${singular}_changes`;
export const slot = `${singular}_changes`;

/** The topic that the connector writes changes to. */
export const changeTopic = `${topicPrefix}.public.${table}`;
