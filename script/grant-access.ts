/**
 * `programs grant-access servers` and `programs grant-access schemas`, one-shot containers of docker-compose.secure.yml: as
 * `admin`, create topics, the table, each program's rights in Kafka and Cassandra, and the schemas. Repeating them changes
 * nothing.
 */
import { readFileSync } from "node:fs";
import { ensureAdmin, grantCassandra } from "../operations/access/cassandra.ts";
import { grantKafka, registryAcls } from "../operations/access/kafka.ts";
import { type Principal, passwordFrom } from "../operations/access/principals.ts";
import { registerSchemas } from "../operations/access/registry.ts";
import { openKafka } from "../runtime/kafka.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";

const keyFile = "/run/access/logins";

export async function grantAccess(what: string): Promise<void> {
  const config = loadConfig();
  try {
    if (what === "schemas") await registerSchemas(config);
    else {
      await grantTopics(config);
      const key = readFileSync(keyFile, "utf8");
      const passwordOf = (principal: Principal) => passwordFrom(key, principal, "cassandra");
      // A new node has no role at all for a moment.
      await until("Cassandra takes the administrator's login", () => ensureAdmin(config, passwordOf).then(() => true));
      await grantCassandra(config, passwordOf);
    }
  } catch (error) {
    console.error(messageOf(error));
    process.exit(1);
  }
  process.exit(0);
}

async function grantTopics(config: ReturnType<typeof loadConfig>) {
  const admin = openKafka(config, "grant-access", openLog("grant-access", "warning")).admin();
  await admin.connect();
  try {
    await admin.createAcls({ acl: registryAcls() });
    await grantKafka(admin, config);
  } finally {
    await admin.disconnect();
  }
}
