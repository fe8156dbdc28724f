import { once } from "node:events";
import net from "node:net";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "./clients.ts";
import { type Check, type Finding, refusalFinding } from "./finding.ts";

export const brokersCheck: Check = { what: "the brokers", of: ["Kafka"], look: lookAtBrokers };

/** How long a broker may take to accept a connection, in milliseconds. */
const connectWithinMs = 2_000;

/** Whether the bootstrap brokers answer, and whether the addresses that they advertise can be reached from here. */
async function lookAtBrokers({ admin, cures, config: { kafka } }: Clients): Promise<Finding[]> {
  const bootstrap = kafka.brokers.join(", ");
  const finding = (cause: string, cure: string): Finding => ({
    severity: "error",
    about: "Kafka",
    cause,
    cure,
    explains: ["Kafka"],
  });
  const unreachable = (address: string, why: string) =>
    finding(
      `${bootstrap} advertises ${address}, which cannot be reached from here: ${why}`,
      "Set KAFKA_BROKERS to the listener meant for this machine, or the broker's advertised.listeners to an address it can reach",
    );
  try {
    const { brokers } = await (await admin()).describeCluster();
    const failures = await Promise.all(brokers.map(({ host, port }) => connectionFailure(host, port)));
    return brokers.flatMap(({ host, port }, index) => {
      const why = failures[index];
      return why === undefined ? [] : [unreachable(`${host}:${port}`, why)];
    });
  } catch (error) {
    const refusal = refusalFinding(error, "Kafka");
    if (refusal) return [refusal];
    const { broker, message } = connectionErrorIn(error);
    if (broker !== undefined && !kafka.brokers.includes(broker)) return [unreachable(broker, message)];
    const cure = cures.restore("kafka", kafka.brokers[0] ?? "", "kafka.brokers (KAFKA_BROKERS)");
    return [finding(`does not work at ${bootstrap}: ${message}`, cure)];
  }
}

/** The address that could not be reached, if that is what an error of kafkajs comes from. */
function connectionErrorIn(error: unknown): { broker?: string; message: string } {
  const { broker, cause } = error as { broker?: unknown; cause?: unknown };
  if (typeof broker !== "string" && cause instanceof Error) return connectionErrorIn(cause);
  const message = messageOf(error).replace(/^Connection error: /, "");
  return typeof broker === "string" ? { broker, message } : { message };
}

/** Why a connection to an address fails, or undefined. */
export async function connectionFailure(host: string, port: number): Promise<string | undefined> {
  const socket = net.connect({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(connectWithinMs) });
    return undefined;
  } catch (error) {
    return (error as Error).name === "AbortError"
      ? `no connection within ${connectWithinMs / 1_000} s`
      : messageOf(error);
  } finally {
    socket.destroy();
  }
}
