import { conflictsOf, freeOffset, isFree } from "../operations/ports.ts";
import { allSettings } from "../sources/config.ts";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import type { Service } from "./services/service.ts";

/**
 * Checks that every port the services need is free.
 * @throws StackError naming the other stack that uses the ports or, for each port, the process, and how to use others
 */
export function checkPorts(services: Service[], { config }: Pick<Instance, "config">) {
  const wanted = services.flatMap(({ title, ports }) =>
    ports.map((key) => ({ by: title, port: config.ports[key], variable: variableOf(key) })),
  );
  const taken = wanted.filter(({ port }) => !isFree(port));
  if (taken.length === 0) return;
  const conflicts = conflictsOf(taken, () => config.portOffset + freeOffset(wanted.map(({ port }) => port)));
  const lines = conflicts.map(({ isStack, ports: [port], cause, cure }) =>
    isStack ? cause : `${port?.by} ${cause}: ${cure.charAt(0).toLowerCase()}${cure.slice(1)}`,
  );
  const stack = conflicts.find(({ isStack }) => isStack);
  throw new StackError(
    lines.join("\n"),
    `Nothing was started. ${stack ? `${stack.cure}.` : "The variables can also be set in a file named .env."}`,
  );
}

/** The environment variable that sets a port. */
const variableOf = (key: string) => allSettings.find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";
