import { until } from "../../runtime/until.ts";
import { freePort } from "./free-port.ts";
import { type StartedProgram, startProgram } from "./program.ts";

export interface StartedApi extends StartedProgram {
  url: string;
}

/** Starts an API of the test's own on a free port, and resolves once it is running, though not necessarily ready. */
export async function startApi(
  environment: Record<string, string>,
  file = "api/main.ts",
  folder?: string,
): Promise<StartedApi> {
  const port = freePort();
  const env = { ...environment, API_PORT: String(port), LISTEN_HOST: "127.0.0.1" };
  const program = startProgram(file, [], env, folder);
  const url = `http://127.0.0.1:${port}`;
  const ended = program.exited.then(async (code) => {
    throw new Error(`the API exited with code ${code}:\n${await program.output()}`);
  });
  await Promise.race([ended, until("the API is running", async () => (await fetch(`${url}/healthz`)).ok)]);
  ended.catch(() => {}); // from here on the test decides when it ends
  return { ...program, url };
}
