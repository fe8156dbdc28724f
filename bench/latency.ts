import { selectCql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import type { Cassandra } from "../runtime/cassandra.ts";
import { quantile } from "./quantile.ts";

const everyMs = 20;
/** Warm-up, not counted. */
const uncounted = 250;

/** Sends a user every 20 ms and polls Cassandra until it is there; returns milliseconds from sending to reading. */
export async function measureLatency(
  producer: { send: (users: User[]) => Promise<void> },
  cassandra: Cassandra,
  keyspace: string,
  users: readonly User[],
): Promise<{ p50: number; p99: number }> {
  const begin = performance.now();
  const latencies = await Promise.all(
    users.map(async (user, index) => {
      await Bun.sleep(Math.max(0, begin + index * everyMs - performance.now()));
      const sent = performance.now();
      const sending = producer.send([user]);
      while ((await cassandra.execute(selectCql(keyspace), [user.id])).rowLength === 0) await Bun.sleep(0);
      const latency = performance.now() - sent;
      await sending;
      return latency;
    }),
  );
  const sorted = latencies.slice(uncounted).sort((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}
