/**
 * The load generator of bench/api.ts, in its own process: `bun bench/api-load.ts read|edit URL IDS SECONDS REQUESTS
 * IN_FLIGHT` reads or edits users with random ids from a file, IN_FLIGHT at a time over keep-alive connections (if the
 * server supports them), until both SECONDS and REQUESTS are reached, and prints the result.
 */
import { changeable } from "../contract/samples.ts";

export interface Load {
  requests: number;
  failures: number;
  latenciesMs: number[];
}

type Ask = (url: string, id: string) => Promise<Response>;
const asks: Record<string, Ask> = {
  read: (url, id) => fetch(`${url}/get-user/${id}`),
  edit: (url, id) =>
    fetch(`${url}/update-user/${id}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ [changeable.optional]: String(Math.random()) }),
    }),
};

async function generate(
  ask: Ask,
  url: string,
  ids: string[],
  until: { seconds: number; requests: number },
  inFlight: number,
) {
  const { seconds, requests } = until;
  const result: Load = { requests: 0, failures: 0, latenciesMs: [] };
  const end = performance.now() + seconds * 1_000;
  const worker = async () => {
    for (let now = performance.now(); now < end || result.requests < requests; now = performance.now()) {
      const response = await ask(url, ids[Math.floor(Math.random() * ids.length)]!);
      await response.arrayBuffer();
      result.requests++;
      if (response.status !== 200) result.failures++;
      result.latenciesMs.push(performance.now() - now);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return result;
}

if (import.meta.main) {
  const [kind = "", url = "", idFile = "", seconds, requests, inFlight] = process.argv.slice(2);
  const ids = (await Bun.file(idFile).text()).split("\n");
  const until = { seconds: Number(seconds), requests: Number(requests) };
  console.log(JSON.stringify(await generate(asks[kind]!, url, ids, until, Number(inFlight))));
}
