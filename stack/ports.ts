import { conflictsOf, freeOffset, isFree } from "../operations/ports.ts";
import { allSettings } from "../sources/config.ts";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import type { Service } from "./services/service.ts";

/**
 * Checks that every port the services need is free.
 * @throws StackError naming the other stack that uses the ports or, for each port, the process, and how to use others
 */
export function checkPorts(services: Service[], instance: Instance) {
  const { config } = instance;
  const hostsOf = ({ hosts }: Service) => hosts?.(instance) ?? ["127.0.0.1"];
  checkAddresses(new Set(services.flatMap(hostsOf)));
  const wanted = services.flatMap((service) =>
    service.ports.map((key) => ({
      by: service.title,
      port: config.ports[key],
      variable: variableOf(key),
      hosts: hostsOf(service),
    })),
  );
  const taken = wanted.filter(({ port, hosts }) => !hosts.every((host) => isFree(port, host)));
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

/** @throws StackError if the machine lacks one of these addresses: Linux has all of 127.0.0.0/8, macOS only 127.0.0.1 */
function checkAddresses(hosts: Set<string>) {
  const missing = [...hosts].filter((host) => !isFree(0, host));
  if (missing.length === 0) return;
  throw new StackError(
    `This machine does not have the addresses ${missing.join(", ")}`,
    `Nothing was started. Add them: \`${missing.map((host) => `sudo ifconfig lo0 alias ${host}`).join(" && ")}\`.`,
  );
}

/** The environment variable that sets a port. */
const variableOf = (key: string) => allSettings.find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";
