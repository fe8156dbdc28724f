import type { Instance } from "../instance.ts";
import { airflow } from "./airflow.ts";
import { api } from "./api.ts";
import { cassandra } from "./cassandra.ts";
import { connect } from "./connect.ts";
import { consoleService } from "./console.ts";
import { consumer } from "./consumer.ts";
import { kafka } from "./kafka.ts";
import { postgres } from "./postgres.ts";
import { schemaRegistry } from "./schema-registry.ts";
import type { Service } from "./service.ts";
import { source } from "./source.ts";
import { spark } from "./spark.ts";

/** All services the stack can run, in display order. */
export const services: Service[] = [
  postgres,
  kafka,
  schemaRegistry,
  cassandra,
  connect,
  airflow,
  source,
  consumer,
  api,
  consoleService,
  spark,
];

/** The services enabled on this stack. */
export const servicesOf = (instance: Instance) => services.filter(({ isEnabled }) => isEnabled?.(instance) ?? true);
