import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCassandra } from "../../../runtime/cassandra.ts";
import type { Instance } from "../../../stack/instance.ts";
import type { CassandraConfig } from "./cassandra.ts";

/**
 * A secure connect bundle for the Cassandra: what Astra gives its users, with a service for metadata that knows the node, and
 * the node itself in place of the proxy.
 */
export async function bundleOf(config: CassandraConfig, instance: Instance, file: (name: string) => string) {
  const client = openCassandra(config, "test");
  const { rows } = await client.execute("SELECT host_id FROM system.local");
  await client.shutdown();
  const contact_info = {
    type: "sni_proxy",
    local_dc: "datacenter1",
    contact_points: [String(rows[0]!.host_id)],
    sni_proxy_address: config.cassandra.contactPoints[0],
  };
  const tls = {
    cert: readFileSync(file("server.crt")),
    key: readFileSync(file("server.key")),
    ca: readFileSync(file("ca.crt")),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const metadata = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    fetch: () => Response.json({ version: 1, region: "local", contact_info }),
  });
  const contents = {
    "ca.crt": readFileSync(file("ca.crt")),
    cert: readFileSync(file("client.crt")),
    key: readFileSync(file("client.key")),
    "config.json": JSON.stringify({ host: "127.0.0.1", port: metadata.port }),
  };
  mkdirSync(file("bundle"));
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(file("bundle"), name), content);
  const names = Object.keys(contents).map((name) => join(file("bundle"), name));
  const zipped = Bun.spawnSync([instance.installed.python, "-m", "zipfile", "-c", file("bundle.zip"), ...names]);
  if (zipped.exitCode !== 0) throw new Error(String(zipped.stderr));
  return metadata;
}
