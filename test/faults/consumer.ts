import { afterAll } from "bun:test";
import { sumOf } from "../../operations/prometheus.ts";
import type { Names } from "../support/names.ts";
import { type StartedProgram, startProgram } from "../support/program.ts";
import { environmentAs } from "../support/secure-stack.ts";

/** A consumer of a test's own, with its health and metrics. */
export interface StartedConsumer extends StartedProgram {
  /** The status of `/healthz` or `/readyz`; 0 if nothing answers. */
  status: (path: "/healthz" | "/readyz") => Promise<number>;
  /** The body of `/readyz`. */
  readiness: () => Promise<string>;
  /** The sum of a metric over all samples with these labels. */
  metric: (name: string, labels?: Record<string, string>) => Promise<number>;
}

const address = /msg=listening url=(\S+)/;

const started: StartedProgram[] = [];
afterAll(() => {
  for (const program of started) program.signal("SIGKILL"); // left over from failed tests
});

/** Starts `consumer/main.ts`, of a copy of the project if one is given, on the test's topic, group and keyspace. */
export function startConsumer({ env }: Pick<Names, "env">, folder?: string): StartedConsumer {
  // The consumers of a test file are configured with the same port; if it is taken they use another and log it.
  const program = startProgram("consumer/main.ts", [], environmentAs("consumer", env), folder);
  started.push(program);
  const urlOf = async (path: string) => {
    const [, url] = address.exec(await program.output()) ?? [];
    if (url === undefined) throw new Error("the consumer is not listening yet");
    return new URL(path, url);
  };
  return {
    ...program,
    status: async (path) => {
      try {
        return (await fetch(await urlOf(path))).status;
      } catch {
        return 0;
      }
    },
    readiness: async () => (await fetch(await urlOf("/readyz"))).text(),
    async metric(name, labels) {
      const text = await (await fetch(await urlOf("/metrics"))).text();
      return sumOf(text, name, labels);
    },
  };
}
