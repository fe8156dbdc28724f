import { clusterNodes } from "../../operations/native-stack.ts";
import type { Config } from "../../sources/config.ts";

/** Where a program of the stack can be opened, or at least reached: on this machine, at the ports in the settings. */
export interface ProgramPage {
  text: string;
  /** Left out where there is nothing that a browser can show. */
  href?: string;
}

export function pageOf(program: string, { ports, schemaRegistry }: Config): ProgramPage | undefined {
  const web = (text: string, port: number, path: string) => ({ text, href: `http://localhost:${port}${path}` });
  const pages: Record<string, ProgramPage> = {
    postgres: { text: `localhost:${ports.postgres}` },
    kafka: { text: `localhost:${ports.kafka}` },
    cassandra: { text: `localhost:${ports.cassandra}` },
    ...Object.fromEntries(
      clusterNodes.flatMap((host, index) => [
        [`kafka-${index + 1}`, { text: `${host}:${ports.kafka}` }],
        [`cassandra-${index + 1}`, { text: `${host}:${ports.cassandra}` }],
      ]),
    ),
    "schema-registry": web(
      "subjects",
      ports.schemaRegistry,
      `${new URL(schemaRegistry.url).pathname}/subjects`.replace("//", "/"),
    ),
    connect: web("connectors", ports.connect, "/connectors?expand=status"),
    "airflow-api-server": web("Airflow", ports.airflow, "/"),
    source: web("generated users", ports.source, "/api/1.4/?results=3"),
    consumer: web("metrics", ports.consumer, "/metrics"),
    "consumer-2": { text: "metrics", href: `http://${clusterNodes[1]}:${ports.consumer}/metrics` },
    api: web("Swagger UI", ports.api, "/apidocs"),
    "spark-master": web("Spark master", ports.sparkUi, "/"),
    "spark-worker": web("Spark worker", ports.sparkWorkerUi, "/"),
  };
  return pages[program];
}
