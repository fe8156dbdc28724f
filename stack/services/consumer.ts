import { clusterNodes } from "../../operations/native-stack.ts";
import { environmentOf } from "../environment.ts";
import type { Instance } from "../instance.ts";
import { ownProgram } from "./own-program.ts";
import type { Program, Service } from "./service.ts";

/** Kafka -> Cassandra: one consumer, and in a cluster two, which share the partitions. */
export const consumer: Service = {
  name: "consumer",
  title: "Consumer",
  dependsOn: ["kafka", "schema-registry", "cassandra"],
  ports: ["consumer"],
  hosts: ({ isCluster }) => ["127.0.0.1", ...(isCluster ? [secondHost] : [])],
  address: (instance) => `${environmentOf(instance).CONSUMER_URL}/metrics`,
  programs: (instance) => [
    ownProgram(instance, "consumer", "consumer/main.ts", `${environmentOf(instance).CONSUMER_URL}/readyz`),
    ...(instance.isCluster ? [second(instance)] : []),
  ],
};

const [, secondHost = ""] = clusterNodes;

function second(instance: Instance): Program {
  const url = `http://${secondHost}:${instance.config.ports.consumer}`;
  const options = { principal: "consumer" as const, env: { LISTEN_HOST: secondHost } };
  return {
    ...ownProgram(instance, "consumer-2", "consumer/main.ts", `${url}/readyz`, options),
    address: `${url}/metrics`,
  };
}
