import type { Config } from "../../runtime/config.ts";
import type { Finding } from "../doctor/finding.ts";
import type { HopName } from "./hops.ts";

const ofServices: Record<string, HopName[]> = {
  PostgreSQL: ["postgres"],
  Kafka: ["created", "edits", "changes", "letters"],
  Cassandra: ["cassandra"],
  "Schema Registry": ["registry"],
  "Kafka Connect": ["capture"],
  Airflow: ["airflow"],
  "the embedded source": ["source"],
  "the consumer": ["consumer"],
  "the API": ["api"],
  "dead letters": ["letters"],
};

/** The hops that a finding is about; none if it is about something else, such as this machine or a file. Pure. */
export function hopsAbout({ about }: Finding, { kafka }: Pick<Config, "kafka">): HopName[] {
  const own = ofServices[about];
  if (own) return own;
  if (about.startsWith("topic ")) {
    const named = about.slice("topic ".length).split(", ");
    const topics: [string, HopName][] = [
      [kafka.topic, "created"],
      [kafka.editTopic, "edits"],
      [kafka.changeTopic, "changes"],
      [kafka.deadLetterTopic, "letters"],
    ];
    return topics.filter(([topic]) => named.includes(topic)).map(([, hop]) => hop);
  }
  if (/^(connector|replication slot|change capture) ?/.test(about)) return ["capture"];
  if (about.startsWith("subject ")) return ["registry"];
  if (about.startsWith("PostgreSQL's ")) return ["postgres"];
  if (about.startsWith("Cassandra's ")) return ["cassandra"];
  if (/^(DAG |dags\/)/.test(about)) return ["airflow"];
  return [];
}
