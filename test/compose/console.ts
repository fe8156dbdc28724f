import { topic } from "../../contract/entity.ts";
import { until } from "../../runtime/until.ts";
import type { ComposeProject } from "./project.ts";
import { addressOf, tlsOf } from "./scenario.ts";

/** The console's pages show what the pipeline holds, and follow it; it answers to no other host's name. */
export async function consoleShowsThePipeline(platform: ComposeProject, edited: string): Promise<void> {
  const url = addressOf(platform, "CONSOLE_PORT");
  const tls = tlsOf(platform.access);
  await follows(url, tls, "/", [topic]);
  await follows(url, tls, "/users", [edited]);
  // Memory and restarts of containers are not to be seen from one of them.
  await follows(url, tls, "/health", [
    "docker compose ps",
    "broker:29092",
    `localhost:${platform.env.API_PORT}/apidocs`,
  ]);
  const { status } = await fetch(url, { headers: { Host: "console.example.com" }, ...tls });
  if (status !== 403) throw new Error(`the console answers ${status} to another host's name`);
}

/** Resolves once a page, or what it is sent afterwards as a browser would be, has all texts. */
async function follows(url: string, tls: ReturnType<typeof tlsOf>, path: string, texts: string[]): Promise<void> {
  const end = new AbortController();
  const page = await (await fetch(`${url}${path}`, { signal: AbortSignal.timeout(30_000), ...tls })).text();
  const keys = [...page.matchAll(/data-live="([^"]+)"/g)].map(([, key = ""]) => key);
  let seen = page;
  const follow = async () => {
    const query = keys.map((key) => `show=${encodeURIComponent(key)}`).join("&");
    const { body } = await fetch(`${url}/events?${query}`, { signal: end.signal, ...tls });
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) seen += chunk;
  };
  const following = keys.length > 0 ? follow().catch(() => {}) : undefined;
  try {
    await until(`${path} shows ${texts.join(", ")}`, async () => {
      const missing = texts.filter((text) => !seen.includes(text));
      if (missing.length > 0) throw new Error(`${missing.join(", ")} in ${seen.slice(0, 2_000)}`);
      return true;
    });
  } finally {
    end.abort();
    await following;
  }
}
