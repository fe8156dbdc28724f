import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const sparkCheck: Check = { what: "its workers", of: ["Spark"], look: lookAtWorkers };

/** Whether Spark's master has a worker, without which a job that is submitted waits. */
async function lookAtWorkers({ web, cures }: Clients, stop: AbortSignal): Promise<Finding[]> {
  if (web.spark === undefined) return [];
  const response = await fetch(`${web.spark}/json/`, { signal: stop, headers: { connection: "close" } });
  const { workers } = (await response.json()) as { workers: { state: string }[] };
  if (workers.some(({ state }) => state === "ALIVE")) return [];
  return [
    {
      severity: "error",
      about: "Spark",
      cause: "its master knows no worker that is alive, so a job waits for one",
      cure: cures.revive("spark-worker"),
    },
  ];
}
