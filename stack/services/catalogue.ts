import type { Instance } from "../instance.ts";
import { airflow } from "./airflow.ts";
import { api } from "./api.ts";
import { cassandra } from "./cassandra.ts";
import { connect } from "./connect.ts";
import { consumer } from "./consumer.ts";
import { kafka } from "./kafka.ts";
import { postgres } from "./postgres.ts";
import { schemaRegistry } from "./schema-registry.ts";
import type { Service } from "./service.ts";
import { source } from "./source.ts";
import { spark } from "./spark.ts";

/** Everything that the stack can run, in the order in which it is shown. */
const services: Service[] = [
  postgres,
  kafka,
  schemaRegistry,
  cassandra,
  connect,
  airflow,
  source,
  consumer,
  api,
  spark,
];

/** The services that this stack runs. */
export const servicesOf = (instance: Instance) => services.filter(({ wanted }) => wanted?.(instance) ?? true);
