/**
 * The load generator of bench/api.ts, in its own process: `bun bench/api-load.ts URL IDS SECONDS REQUESTS` requests
 * random ids from a file, 32 at a time over keep-alive connections (if the server supports them), until both SECONDS and
 * REQUESTS are reached, and prints the result.
 */

export interface Load {
  requests: number;
  failures: number;
  latenciesMs: number[];
}

const inFlight = 32;

async function generate(url: string, ids: string[], seconds: number, requests: number): Promise<Load> {
  const result: Load = { requests: 0, failures: 0, latenciesMs: [] };
  const end = performance.now() + seconds * 1_000;
  const worker = async () => {
    for (let now = performance.now(); now < end || result.requests < requests; now = performance.now()) {
      const response = await fetch(`${url}/get-user/${ids[Math.floor(Math.random() * ids.length)]}`);
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
  const [url, idFile, seconds, requests] = process.argv.slice(2) as [string, string, string, string];
  const ids = (await Bun.file(idFile).text()).split("\n");
  console.log(JSON.stringify(await generate(url, ids, Number(seconds), Number(requests))));
}
