import { holderOf, stackFolderOf } from "../operations/processes.ts";
import { allSettings } from "../sources/config.ts";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import type { Service } from "./services/service.ts";

type Key = keyof Instance["config"]["ports"];

/**
 * Checks that every port the services need is free.
 * @throws StackError naming the other stack that uses the ports or, for each port, the process, and how to use others
 */
export function checkPorts(services: Service[], { config }: Pick<Instance, "config">) {
  const wanted = services.flatMap(({ title, ports }) => ports.map((key) => ({ title, key, port: config.ports[key] })));
  const taken = wanted.filter(({ port }) => !isFree(port)).map(withHolder);
  if (taken.length === 0) return;
  const [stack] = taken.flatMap(({ holder }) => holder?.stack ?? []);
  if (!stack)
    throw new StackError(
      taken.map(explain).join("\n"),
      "Nothing was started. The variables can also be set in a file named .env.",
    );

  // A process we cannot inspect runs as another account, as PostgreSQL does under root; assume it is part of that stack.
  const others = taken.filter(({ holder }) => holder && holder.stack !== stack);
  const ports = taken.filter((entry) => !others.includes(entry)).map(({ port }) => port);
  const conflict = `Another stack of this project is running in ${stack} and uses ports ${ports.join(", ")}`;
  const offset = freeOffset(wanted.map(({ port }) => port));
  throw new StackError(
    [conflict, ...others.map(explain)].join("\n"),
    `Nothing was started. Stop that stack with \`bun run down\` in its clone, or run both: add ` +
      `PORT_OFFSET=${config.portOffset + offset} to this clone's .env to move all of its ports.`,
  );
}

function withHolder({ title, key, port }: { title: string; key: Key; port: number }) {
  const holder = holderOf(port);
  return { title, key, port, holder: holder && { ...holder, stack: stackFolderOf(holder.pid) } };
}

const explain = ({ title, key, port, holder }: ReturnType<typeof withHolder>) =>
  `${title} needs port ${port}, which is in use by ${holder ? `${holder.name} (pid ${holder.pid})` : "another process"}: ` +
  `stop it, or set ${variableOf(key)} to another port`;

/** The smallest multiple of 100 that moves all ports to free ones. */
function freeOffset(ports: number[]): number {
  const offsets = Array.from({ length: 50 }, (_, index) => (index + 1) * 100);
  return offsets.find((offset) => ports.every((port) => isFree(port + offset))) ?? 100;
}

/** The environment variable that sets a port. */
const variableOf = (key: Key) => allSettings.find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";

/** Whether a port of 127.0.0.1 is free. */
export function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
