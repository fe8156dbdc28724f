import { listSettings } from "../runtime/config.ts";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import { holderOf } from "./processes.ts";
import type { Service } from "./service.ts";

/**
 * Makes sure that the services can listen where they are to.
 * @throws StackError that names every port that is taken, who holds it and the variable that moves it
 */
export function checkPorts(services: Service[], { config }: Pick<Instance, "config">) {
  const taken = services.flatMap((service) =>
    service.ports
      .map((key) => ({ service, key, port: config.ports[key] }))
      .filter(({ port }) => !isFree(port))
      .map(
        ({ service, key, port }) =>
          `${service.title} needs port ${port}, which ${holderOf(port) ?? "another process"} holds: ` +
          `stop that, or set ${variableOf(key)} to another port`,
      ),
  );
  if (taken.length > 0)
    throw new StackError(taken.join("\n"), "Nothing was started. The variables can also be kept in a file named .env.");
}

/** The environment variable that moves a port. */
const variableOf = (key: keyof Instance["config"]["ports"]) =>
  listSettings().find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";

/** Whether nobody listens on a port of 127.0.0.1. */
export function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
