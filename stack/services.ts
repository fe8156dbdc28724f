import { existsSync } from "node:fs";
import { join } from "node:path";
import { airflow } from "./airflow.ts";
import { api } from "./api.ts";
import { cassandra } from "./cassandra.ts";
import { connect } from "./connect.ts";
import { consumer } from "./consumer.ts";
import { type Instance, project } from "./instance.ts";
import { kafka } from "./kafka.ts";
import { postgres } from "./postgres.ts";
import { schemaRegistry } from "./schema-registry.ts";
import type { Service } from "./service.ts";
import { source } from "./source.ts";

/** Everything that the stack can run, in the order in which it is shown. */
const services: Service[] = [postgres, kafka, schemaRegistry, cassandra, connect, airflow, source, consumer, api];

/** The services that this stack runs. */
export const servicesOf = (instance: Instance) =>
  services.filter((service) => (service.wanted?.(instance) ?? true) && exists(service.name));

const entries: Record<string, string> = {
  source: "sources/embedded/main.ts",
  consumer: "consumer/main.ts",
  api: "api/main.ts",
};
const exists = (name: string) => !entries[name] || existsSync(join(project, entries[name]));
