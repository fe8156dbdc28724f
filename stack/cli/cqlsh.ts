import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodesOf } from "../addresses.ts";
import type { Instance } from "../instance.ts";
import { loginsOf } from "../principals.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const cqlsh: Command = {
  summary: "Run cqlsh on the stack's Cassandra",
  hasOwnHelp: true,
  usage: "[ARGUMENT]...",
  async run(instance, args) {
    const port = instance.config.ports.cassandra;
    const address = [await firstListening(nodesOf(instance), port), String(port)];
    const login = instance.isSecure ? loginOf(instance) : [];
    return exec([instance.installed.tool("cqlsh"), ...login, ...args, ...address], instance);
  },
};

/** The first of the nodes that accepts connections; if none does, the first of all, of which cqlsh then says so. */
export async function firstListening(nodes: readonly string[], port: number): Promise<string> {
  for (const hostname of nodes)
    try {
      const socket = await Bun.connect({ hostname, port, socket: { data() {} } });
      socket.end();
      return hostname;
    } catch {
      // The next one may.
    }
  return nodes[0] ?? "";
}

/** Writes the files that cqlsh reads the operator's login and the authority from; returns the options that name them. */
function loginOf(instance: Instance): string[] {
  const file = (name: string) => join(instance.folder, "run", name);
  const { CASSANDRA_USERNAME, CASSANDRA_PASSWORD, CASSANDRA_CA_FILE } = loginsOf(instance, "operate");
  const cqlshrc = `[authentication]\ncredentials = ${file("cqlsh-login")}\n[ssl]\nvalidate = true\ncertfile = ${CASSANDRA_CA_FILE}\n`;
  writeFileSync(file("cqlshrc"), cqlshrc, { mode: 0o600 });
  const login = `[PlainTextAuthProvider]\nusername = ${CASSANDRA_USERNAME}\npassword = ${CASSANDRA_PASSWORD}\n`;
  writeFileSync(file("cqlsh-login"), login, { mode: 0o600 });
  return ["--ssl", `--cqlshrc=${file("cqlshrc")}`, `--credentials=${file("cqlsh-login")}`];
}
