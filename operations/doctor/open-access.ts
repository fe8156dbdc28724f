import { holdersOf } from "../processes.ts";
import type { Check, Finding, Service } from "./finding.ts";

/** For the API and the console: who may change data through them. */
export const openAccessChecks: Check[] = [
  openAccessCheck("the API", "api", "API_TOKEN"),
  openAccessCheck("the console", "console", "CONSOLE_TOKEN"),
];

function openAccessCheck(service: Service, name: "api" | "console", token: string): Check {
  return {
    what: "who may change data through it",
    of: [service],
    look: ({ web }, stop) => lookAt(service, web[name], token, stop),
  };
}

/**
 * Whether other machines can change data through a program on this one: it listens beyond loopback and takes a change
 * without a token. The request that asks is for a path that does not exist, so it changes nothing.
 */
async function lookAt(about: Service, url: string | undefined, token: string, stop: AbortSignal): Promise<Finding[]> {
  if (url === undefined) return [];
  const port = Number(new URL(url).port || 80);
  if (!holdersOf([port]).get(port)?.isOpen) return [];
  const init = { method: "DELETE", headers: { connection: "close" }, signal: stop };
  const { status } = await fetch(`${url}/doctor`, init);
  if (status === 401 || status === 403) return [];
  return [
    {
      severity: "error",
      about,
      cause: `other machines can write through it: it listens beyond loopback on port ${port} and asks for no token`,
      cure: `Set ${token}, or LISTEN_HOST=127.0.0.1, and restart it`,
    },
  ];
}
