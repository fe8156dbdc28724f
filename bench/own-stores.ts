import { forgottenTopicOf, settledTopicOf } from "../contract/entity.ts";
import { createSql } from "../contract/tables.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import type { Log } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { loadConfig } from "../sources/config.ts";

/** A keyspace, a schema in PostgreSQL, topics and a group of a benchmark's own, all with one name, beside those in use. */
export async function openOwnStores(name: string, log: Log, more: Record<string, string> = {}) {
  const env: Record<string, string> = {
    ...(process.env as Record<string, string>),
    KAFKA_TOPIC: name,
    KAFKA_DEAD_LETTER_TOPIC: `${name}.dlq`,
    KAFKA_CHANGE_TOPIC: `${name}.changes`,
    KAFKA_EDIT_TOPIC: `${name}.edited`,
    CONSUMER_GROUP_ID: name,
    CASSANDRA_KEYSPACE: name,
    POSTGRES_URL: `${loadConfig().postgres.url}?search_path=${name}`,
    RUNS_DIR: "/nonexistent",
    LOG_LEVEL: "error",
    ...more,
  };
  const config = loadConfig(env);
  const cassandra = openCassandra(config, "bench", 120_000); // dropping millions of rows takes long
  const sql = openPostgres(config.postgres.url, 2);
  await migrateCassandra(cassandra, config, { apply: true });
  await sql.unsafe(`CREATE SCHEMA ${name}`);
  await sql.unsafe(createSql);
  return {
    env,
    config,
    cassandra,
    sql,
    /** Removes all of it. */
    async drop() {
      const { topic, deadLetterTopic, changeTopic, editTopic } = config.kafka;
      await cassandra.execute(`DROP KEYSPACE ${name}`, [], { prepare: false });
      await sql.unsafe(`DROP SCHEMA ${name} CASCADE`);
      const admin = openKafka(config, "bench", log).admin();
      await admin.connect();
      const known = new Set(await admin.listTopics());
      const own = [
        topic,
        deadLetterTopic,
        settledTopicOf(deadLetterTopic),
        forgottenTopicOf(topic),
        changeTopic,
        editTopic,
      ];
      await admin.deleteTopics({ topics: own.filter((one) => known.has(one)) });
      await admin.deleteGroups([name]).catch(() => {}); // still shutting down: left to expire
      await Promise.allSettled([admin.disconnect(), cassandra.shutdown(), sql.end()]);
    },
  };
}

export type OwnStores = Awaited<ReturnType<typeof openOwnStores>>;
