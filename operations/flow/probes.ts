import { connect } from "node:net";
import type { Config } from "../../runtime/config.ts";
import type { WebAddresses } from "../doctor/clients.ts";
import type { Service } from "../doctor/finding.ts";

/** Where services listen, `host:port`; a service with several answers if one of them does. */
export type Addresses = ReadonlyMap<Service, readonly string[]>;

const withinMs = 1_500;

/** The addresses of the services that the settings name, and of those that are known to be there. */
export function addressesOf(config: Config, web: WebAddresses, embeddedSourceUrl?: string): Addresses {
  const connectUrl = config.cdc.apply ? web.connect : undefined;
  const all: [Service, (string | undefined)[]][] = [
    ["PostgreSQL", [hostOf(config.postgres.url)]],
    ["Kafka", config.kafka.brokers],
    ["Cassandra", config.cassandra.contactPoints.map((point) => (/:\d+$/.test(point) ? point : `${point}:9042`))],
    ["Schema Registry", [hostOf(web.registry)]],
    ["Kafka Connect", [hostOf(connectUrl)]],
    ["Airflow", [hostOf(web.airflow)]],
    ["the embedded source", [hostOf(embeddedSourceUrl)]],
    ["the consumer", [hostOf(web.consumer)]],
    ["the API", [hostOf(web.api)]],
  ];
  const known = all.map(([service, at]): [Service, string[]] => [service, at.filter((each) => each !== undefined)]);
  return new Map(known.filter(([, at]) => at.length > 0));
}

const defaultPorts: Record<string, string> = { "http:": "80", "https:": "443", "postgres:": "5432" };

function hostOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || defaultPorts[protocol] || "80"}`;
}

/** Why services accept no connection; those that do are not in it. The cheapest look there is: it sends nothing. */
export async function probe(addresses: Addresses): Promise<Map<Service, string>> {
  const outcomes = [...addresses].map(async ([service, at]): Promise<[Service, string | undefined]> => {
    const attempts = at.map((address) => connection(address));
    return [service, await Promise.any(attempts).then(() => undefined, firstReason)];
  });
  const faults = (await Promise.all(outcomes)).filter((each): each is [Service, string] => each[1] !== undefined);
  return new Map(faults);
}

const firstReason = ({ errors }: AggregateError) => String((errors[0] as Error).message);

function connection(address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[|\]$/g, "");
  const socket = connect({ host, port: Number(address.slice(at + 1)), timeout: withinMs });
  socket.once("connect", () => resolve());
  socket.once("timeout", () => reject(new Error(`no connection to ${address} within ${withinMs / 1_000} s`)));
  socket.once("error", () => reject(new Error(`nothing listens at ${address}`)));
  return promise.finally(() => socket.destroy());
}
