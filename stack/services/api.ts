import { environmentOf } from "../environment.ts";
import { ownProgram } from "./own-program.ts";
import type { Service } from "./service.ts";

/** CRUD on the users in Cassandra; writes go to Kafka first. */
export const api: Service = {
  name: "api",
  title: "API",
  dependsOn: ["kafka", "schema-registry", "cassandra"],
  ports: ["api"],
  address: (instance) => `${environmentOf(instance).API_URL}/apidocs`,
  programs: (instance) => [ownProgram(instance, "api", "api/main.ts", `${environmentOf(instance).API_URL}/readyz`)],
};
