import { holderOf, stackFolderOf } from "../operations/processes.ts";
import { listSettings } from "../runtime/config.ts";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import type { Service } from "./services/service.ts";

type Key = keyof Instance["config"]["ports"];

/**
 * Makes sure that the services can listen where they are to.
 * @throws StackError that says which other stack holds the ports or, for each port, which process, and how to move away
 */
export function checkPorts(services: Service[], { config }: Pick<Instance, "config">) {
  const wanted = services.flatMap(({ title, ports }) => ports.map((key) => ({ title, key, port: config.ports[key] })));
  const taken = wanted.filter(({ port }) => !isFree(port)).map(withHolder);
  if (taken.length === 0) return;
  const [stack] = taken.flatMap(({ holder }) => holder?.stack ?? []);
  if (!stack)
    throw new StackError(
      taken.map(explain).join("\n"),
      "Nothing was started. The variables can also be kept in a file named .env.",
    );

  // Whose process cannot be looked at runs as another user, as root's PostgreSQL does.
  const others = taken.filter(({ holder }) => holder && holder.stack !== stack);
  const ports = taken.filter((entry) => !others.includes(entry)).map(({ port }) => port);
  const whose = `Another stack of this project is running in ${stack} and holds ports ${ports.join(", ")}`;
  const offset = freeOffset(wanted.map(({ port }) => port));
  throw new StackError(
    [whose, ...others.map(explain)].join("\n"),
    `Nothing was started. Stop that stack with \`bun run down\` in its clone, or run both: the line ` +
      `PORT_OFFSET=${config.portOffset + offset} in this clone's file .env moves all ports of this one.`,
  );
}

function withHolder({ title, key, port }: { title: string; key: Key; port: number }) {
  const holder = holderOf(port);
  return { title, key, port, holder: holder && { ...holder, stack: stackFolderOf(holder.pid) } };
}

const explain = ({ title, key, port, holder }: ReturnType<typeof withHolder>) =>
  `${title} needs port ${port}, which ${holder ? `${holder.name} (pid ${holder.pid})` : "another process"} holds: ` +
  `stop that, or set ${variableOf(key)} to another port`;

/** The first hundred by which all ports can be moved to free ones. */
function freeOffset(ports: number[]): number {
  const offsets = Array.from({ length: 50 }, (_, index) => (index + 1) * 100);
  return offsets.find((offset) => ports.every((port) => isFree(port + offset))) ?? 100;
}

/** The environment variable that moves a port. */
const variableOf = (key: Key) => listSettings().find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";

/** Whether nobody listens on a port of 127.0.0.1. */
export function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
