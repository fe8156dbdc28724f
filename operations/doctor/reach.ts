import { shownAddress } from "../../runtime/addresses.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Service } from "./finding.ts";
import { type ProbeClients, probes } from "./probes.ts";

/** Whether a service answers. */
export interface Reach {
  service: Service;
  address: string;
  /** Why it does not; undefined if it does. */
  failure?: string;
}

/** Asks each service whose address is known, all at once; one that does not answer within `withinMs` is late. */
export async function reachOf(clients: ProbeClients, withinMs: number): Promise<Reach[]> {
  const stop = new AbortController();
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => {
    late.resolve(`no answer within ${withinMs / 1_000} s`); // first: what an aborted request says is no answer
    stop.abort();
  }, withinMs);
  const asked = [brokers, ...probes, consumer].flatMap(({ service, address, ask }) => {
    const where = address(clients);
    return where === undefined ? [] : [reach(service, where, ask(clients, stop.signal), late.promise)];
  });
  const reached = await Promise.all(asked);
  clearTimeout(timer);
  return reached;
}

async function reach(
  service: Service,
  address: string,
  answer: Promise<unknown>,
  late: Promise<string>,
): Promise<Reach> {
  const failed = answer.then(
    () => undefined,
    (error: unknown) => messageOf(error).split("\n")[0],
  );
  const failure = await Promise.race([failed, late]);
  return { service, address, ...(failure !== undefined && { failure }) };
}

type Asked = Pick<(typeof probes)[number], "address" | "ask"> & { service: Service };

const brokers: Asked = {
  service: "Kafka",
  address: ({ config }) => config.kafka.brokers.join(", "),
  ask: async ({ admin }) => (await admin()).describeCluster(),
};

const consumer: Asked = {
  service: "the consumer",
  address: ({ web }) => web.consumer && shownAddress(web.consumer),
  async ask({ web }, signal) {
    const response = await fetch(`${web.consumer}/readyz`, { signal, headers: { connection: "close" } });
    if (!response.ok) throw new Error((await response.text()).trim());
  },
};
