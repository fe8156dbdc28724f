import { existsSync } from "node:fs";
import { grantCassandra } from "../../operations/access/cassandra.ts";
import { captureAcls, grantKafka } from "../../operations/access/kafka.ts";
import type { Principal } from "../../operations/access/principals.ts";
import type { Config } from "../../runtime/config.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { openInstance, secureMarker } from "../../stack/instance.ts";
import { loginsOf, passwordOf } from "../../stack/principals.ts";

const folder = process.env.STACK_DIR;
const stack = folder && existsSync(secureMarker({ folder })) ? await openInstance() : undefined;

/** The environment of a test's program, which on a secure stack logs in as itself. */
export const environmentAs = (principal: Principal, env: Record<string, string>): Record<string, string> =>
  stack ? { ...env, ...loginsOf(stack, principal) } : env;

/**
 * On a secure stack, creates a test's own topics and table, and lets the programs do with them what they may with the
 * stack's; with `connectorPrefix` Kafka Connect may write the topics that begin so.
 */
export async function grantPrograms(config: Config, connectorPrefix?: string): Promise<void> {
  if (!stack) return;
  const admin = openKafka(config, "test-grants", openLog("test-grants", "error")).admin();
  await admin.connect();
  try {
    await grantKafka(admin, config);
    if (connectorPrefix) await admin.createAcls({ acl: captureAcls(connectorPrefix) });
  } finally {
    await admin.disconnect();
  }
  await grantCassandra(config, (principal) => passwordOf(stack, principal, "cassandra"));
}
