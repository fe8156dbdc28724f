/**
 * The one binary of the container images: a task under its own name (`fetch`, `format`, `backup`, `produce`), or as its
 * first argument one of the names below. An image without a shell needs its health check and its one proxy in here too.
 */
const [name = "", argument = ""] = process.argv.slice(2);

switch (name) {
  case "api":
    await import("../api/main.ts");
    break;
  case "consumer":
    await import("../consumer/main.ts");
    break;
  case "skip":
    await import("../consumer/skip.ts");
    break;
  case "source":
    await import("../sources/embedded/main.ts");
    break;
  case "healthy":
    process.exit(await isHealthy(argument));
    break;
  case "proxy":
    (await import("./proxy.ts")).proxy(new URL(argument));
    break;
  default:
    await import("../tasks/main.ts");
}

/** 0 where the address answers with a success within five seconds, 1 where it does not. */
async function isHealthy(url: string): Promise<0 | 1> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    if (response.ok) return 0;
    console.error(`${url} answers ${response.status}: ${await response.text()}`);
  } catch (error) {
    console.error(`${url} does not answer: ${error instanceof Error ? error.message : error}`);
  }
  return 1;
}

export {}; // a module, for `await` at its top level
