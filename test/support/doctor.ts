import { afterEach } from "bun:test";
import type { Admin } from "kafkajs";
import { openClients } from "../../operations/doctor/clients.ts";
import { examine } from "../../operations/doctor/examine.ts";
import type { Check } from "../../operations/doctor/finding.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { openLink } from "./link.ts";
import { type Names, namesOf } from "./names.ts";

/** Doctor's checks for a test file, which look only at what has its names: `openDoctor(import.meta.path)`. */
export function openDoctor(file: string) {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  const kafkaOf = ({ config }: Names) => openKafka(config, "test-doctor", openLog("test-doctor", "fatal"));
  return {
    namesWith: (env: Record<string, string> = {}) => namesOf(file, env),
    kafkaOf,
    lines,
    /** What to do at the end of a test, the last first. */
    closing,
    async openAdmin(names: Names): Promise<Admin> {
      const admin = kafkaOf(names).admin();
      await admin.connect();
      closing.push(() => admin.disconnect());
      return admin;
    },
    /** The address of a link to a service that changes what it answers. */
    async linkTo(address: string, rewrite: (bytes: Buffer) => Buffer): Promise<string> {
      const { hostname, port } = new URL(address);
      const link = await openLink(hostname, Number(port), rewrite);
      closing.push(link.cut);
      return `127.0.0.1:${link.port}`;
    },
  };
}

/** What checks find with the names' settings, natively or in containers, each finding on one line, as doctor prints it. */
export async function lines(checks: Check[], names: Pick<Names, "config" | "env">, isNative = true) {
  const config = names.config;
  const env = { ...names.env, OPERATE_COMMAND: "docker compose run --rm operate" };
  const clients = openClients({ config, env, postgresUrl: config.postgres.url, isNative });
  try {
    const found = await examine(checks, clients, { withinMs: 30_000 });
    return found.map(({ severity, about, cause, cure }) => `${severity} ${about}: ${cause}. ${cure}.`);
  } finally {
    await Promise.race([clients.close(), Bun.sleep(500)]);
  }
}
