import { accessErrorIn } from "../../runtime/access-error.ts";
import type { Clients } from "./clients.ts";

/** The services of the pipeline. A service comes after those that it depends on. */
export const services = [
  "the stack",
  "PostgreSQL",
  "Kafka",
  "Cassandra",
  "Schema Registry",
  "Kafka Connect",
  "Airflow",
  "the embedded source",
  "the consumer",
  "the API",
  "the console",
  "Spark",
] as const;
export type Service = (typeof services)[number];

/** The program of a service whose log tells most: `bun run logs NAME`. */
export const programs: Record<Exclude<Service, "the stack">, string> = {
  PostgreSQL: "postgres",
  Kafka: "kafka",
  Cassandra: "cassandra",
  "Schema Registry": "schema-registry",
  "Kafka Connect": "connect",
  Airflow: "airflow-api-server",
  "the embedded source": "source",
  "the consumer": "consumer",
  "the API": "api",
  "the console": "console",
  Spark: "spark-master",
};

/** Something that is wrong. */
export interface Finding {
  /** `error`: something does not work. `warning`: it will not, or not as it should. */
  severity: "error" | "warning";
  /** What is wrong: a service by its name, "this machine", a file, a topic. */
  about: string;
  /** What is the matter with it, and why; without a full stop. */
  cause: string;
  /** What to do, in the imperative; without a full stop. */
  cure: string;
  /** Services that cannot work because of this. What later checks say about them is left out. */
  explains?: Service[];
}

/** The finding that a server refuses to work with the settings as they are; undefined for any other error. */
export function refusalFinding(error: unknown, about: Service): Finding | undefined {
  const refusal = accessErrorIn(error);
  if (refusal === undefined) return undefined;
  const { what, cure } = refusal;
  return {
    severity: "error",
    about,
    cause: what,
    cure: `${cure.charAt(0).toUpperCase()}${cure.slice(1)}`,
    explains: [about],
  };
}

/** A finding on one line: what is wrong, and what to do. */
export const textOf = ({ about, cause, cure }: Finding) => `${about}: ${sentence(cause)} ${sentence(cure)}`;

const sentence = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`);

/** Looks at one thing. */
export interface Check {
  /** What it looks at, for the finding if it cannot: "the brokers". */
  what: string;
  /** The services that it asks; none if it looks at this machine. The finding is about the first if it cannot look. */
  of: Service[];
  /** Resolves with what is wrong. If it throws or is late, that is a finding; `stop` then aborts. */
  look: (clients: Clients, stop: AbortSignal) => Finding[] | Promise<Finding[]>;
}
