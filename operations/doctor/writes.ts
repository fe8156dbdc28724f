import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const writesCheck: Check = {
  what: "whether it accepts writes",
  of: ["the API", "Kafka", "Schema Registry"],
  look: lookAtWrites,
};

/** Whether the API, which can be read, refuses writes although what they need is there. */
async function lookAtWrites({ web, cures }: Clients, stop: AbortSignal): Promise<Finding[]> {
  if (web.api === undefined) return [];
  const response = await fetch(`${web.api}/readyz`, { signal: stop, headers: { connection: "close" } });
  const { writes = "accepted" } = (await response.json()) as { writes?: string };
  if (!response.ok || writes === "accepted") return [];
  return [
    {
      severity: "error",
      about: "the API",
      cause: `it refuses writes: ${writes}`,
      cure: `If that does not pass, its KAFKA_BROKERS may be another. ${cures.log("api")}`,
    },
  ];
}
