/** What is wrong with the pipeline: everything that it needs, from this machine to its tables, each looked at once. */
import { type ClientOptions, openClients } from "./clients.ts";
import { examine, type Patience } from "./examine.ts";
import type { Check, Finding, Service } from "./finding.ts";
import { probeChecks } from "./probes.ts";

export interface Subject extends ClientOptions {}

/** The services that each one needs in order to work. Natively the registry's schemas are in PostgreSQL. */
const needs: Partial<Record<Service, Service[]>> = {
  "Schema Registry": ["PostgreSQL", "Kafka"],
  "Kafka Connect": ["Kafka"],
  Airflow: ["PostgreSQL"],
  "the consumer": ["Kafka", "Schema Registry", "Cassandra"],
  "the API": ["Cassandra"],
};

const withinMs = 8_000;

/** Looks at everything, and resolves with what is wrong, worst first, in less than ten seconds. */
export async function diagnose(subject: Subject, patience: Patience = { withinMs }): Promise<Finding[]> {
  const clients = openClients(subject);
  try {
    return await examine(checksOf(subject), clients, patience, (service) => needs[service] ?? []);
  } finally {
    await Promise.race([clients.close(), Bun.sleep(500)]);
  }
}

/** All checks. What an earlier one finds may explain what later ones would say. */
const checksOf = ({ isNative }: Subject): Check[] => [...probeChecks(isNative)];
