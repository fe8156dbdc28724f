/**
 * The binary of the container images and of the tasks. It is a task of tasks/list.ts, or the operator's command line, if
 * it is called by that name, or else the program that its first argument names. The program's image has no shell, so the
 * health check, the proxy and what secures the containers are included.
 */
import { basename } from "node:path";

const [name = "", argument = ""] = process.argv.slice(2);

switch (basename(process.argv0) === "operate" ? "operate" : name) {
  case "api":
    await import("../api/main.ts");
    break;
  case "console":
    await import("../console/main.ts");
    break;
  case "consumer":
    await import("../consumer/main.ts");
    break;
  case "operate":
    await import("../operate/main.ts");
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
  case "issue-access":
    await (await import("./issue-access.ts")).issueAccess();
    break;
  case "grant-access":
    await (await import("./grant-access.ts")).grantAccess(argument);
    break;
  case "registry-gate": {
    const { host } = (await import("../sources/config.ts")).loadConfig();
    (await import("./registry-gate.ts")).openGate(new URL(argument), { host, folder: "/run/access" });
    break;
  }
  default:
    await import("../tasks/main.ts");
}

/** 0 if the URL responds with success within five seconds, else 1. */
async function isHealthy(url: string): Promise<0 | 1> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    if (response.ok) return 0;
    console.error(`${url} responded with status ${response.status}: ${await response.text()}`);
  } catch (error) {
    console.error(`${url} does not respond: ${error instanceof Error ? error.message : error}`);
  }
  return 1;
}
