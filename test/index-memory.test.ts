import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { loadConfig } from "../sources/config.ts";
import { openInstance } from "../stack/instance.ts";
import { supervisorOf } from "../stack/supervisor/client.ts";
import { withCassandra } from "./support/cassandra.ts";

test("while Cassandra compacts, building the indexes takes a small part of its heap", async () => {
  const { pid } = await supervisorOf(await openInstance()).state("cassandra");
  const [, heap] = /-Xmx(\d+)m\0/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? [];
  const name = "sai_options.segment_write_buffer_size";
  await withCassandra(loadConfig(), async (client) => {
    const cql = "SELECT value FROM system_views.settings WHERE name = ?";
    const { rows } = await client.execute(cql, [name], { prepare: true });
    const [, buffer] = /^(\d+)MiB$/.exec(rows[0]?.value) ?? [];
    expect(Number(buffer) * 8).toBeLessThan(Number(heap));
  });
});
