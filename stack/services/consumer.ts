import { environmentOf } from "../environment.ts";
import { ownProgram } from "./own-program.ts";
import type { Service } from "./service.ts";

/** Kafka -> Cassandra. */
export const consumer: Service = {
  name: "consumer",
  title: "Consumer",
  dependsOn: ["kafka", "schema-registry", "cassandra"],
  ports: ["consumer"],
  address: (instance) => `${environmentOf(instance).CONSUMER_URL}/metrics`,
  programs: (instance) => [
    ownProgram(instance, "consumer", "consumer/main.ts", `${environmentOf(instance).CONSUMER_URL}/readyz`),
  ],
};
