import { holdersOf } from "../processes.ts";
import type { Check, Finding } from "./finding.ts";

export const openApiCheck: Check = {
  what: "who may write",
  of: ["the API"],
  look: ({ web }, stop) => lookAtApi(web.api, stop),
};

/**
 * Whether other machines can write through an API on this one: it listens beyond loopback and takes a write without a
 * token. The request that asks is for a path that does not exist, so it changes nothing.
 */
async function lookAtApi(url: string | undefined, stop: AbortSignal): Promise<Finding[]> {
  if (url === undefined) return [];
  const port = Number(new URL(url).port || 80);
  if (!holdersOf([port]).get(port)?.isOpen) return [];
  const init = { method: "DELETE", headers: { connection: "close" }, signal: stop };
  const { status } = await fetch(`${url}/doctor`, init);
  if (status === 401 || status === 403) return [];
  return [
    {
      severity: "error",
      about: "the API",
      cause: `other machines can write through it: it listens beyond loopback on port ${port} and asks for no token`,
      cure: "Set API_TOKEN, or LISTEN_HOST=127.0.0.1, and restart it",
    },
  ];
}
