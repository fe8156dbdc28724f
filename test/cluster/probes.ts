import { idField } from "../../contract/entity.ts";
import { changeable } from "../../contract/samples.ts";
import { selectCql } from "../../contract/tables.ts";
import { encode } from "../../contract/wire.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import { until } from "../../runtime/until.ts";
import { newUser } from "../faults/records.ts";
import type { Registers } from "../support/register.ts";

interface Given {
  registers: Registers;
  cassandra: Cassandra;
  keyspace: string;
  produce: (records: { key: string; value: Buffer }[]) => Promise<void>;
  schemaId: number;
}

/** A record that was produced to see when it can be read; times in milliseconds since 1970. */
interface Probe {
  at: number;
  readableAt?: number;
}

/** Sends a user every 100 ms, and notes when the table has it. */
export interface Probes {
  /** The times from produced to readable, in milliseconds, of the probes sent since a time; those still out count as of now. */
  since: (begin: number) => number[];
  /**
   * Resolves once so many probes in a row, sent after now, were readable within `withinMs` each that every partition had
   * some. @returns how long after now the first of them was sent, in milliseconds
   */
  isFluent: (withinMs: number) => Promise<number>;
  stop: () => Promise<void>;
}

const everyMs = 100;
const pollMs = 10;
/** Two seconds of probes. */
const inARow = 20;
/** How long a probe may take until it is given up; the check at the end still misses it if it is lost. */
const patienceMs = 240_000;

export function startProbes({ registers, cassandra, keyspace, produce, schemaId }: Given): Probes {
  const probes: Probe[] = [];
  const out = new Set<Promise<void>>();
  let stopped = false;

  async function send() {
    const probe: Probe = { at: Date.now() };
    probes.push(probe);
    const user = { ...newUser(), timestamp: new Date().toISOString() };
    const answer = registers.begin(user[idField], user[changeable.text]);
    try {
      await produce([{ key: user[idField], value: encode(user, schemaId) }]);
      answer("acknowledged");
    } catch {
      answer("unknown");
    }
    const giveUp = Date.now() + patienceMs;
    while (Date.now() < giveUp && !stopped) {
      const found = await cassandra.execute(selectCql(keyspace), [user[idField]]).catch(() => undefined);
      if (found?.rows.length === 1) {
        probe.readableAt = Date.now();
        return;
      }
      // Probes that are out for long are asked for seldom, or asking would be the load.
      await Bun.sleep(Math.max(pollMs, (Date.now() - probe.at) / 20));
    }
  }

  const timer = setInterval(() => {
    const sent: Promise<void> = send().finally(() => out.delete(sent));
    out.add(sent);
  }, everyMs);
  return {
    since: (begin) => probes.filter(({ at }) => at >= begin).map(({ at, readableAt = Date.now() }) => readableAt - at),
    async isFluent(withinMs) {
      const begin = Date.now();
      const find = () => {
        const later = probes.filter(({ at }) => at >= begin);
        return firstOfRow(later, withinMs);
      };
      const first = await until("records flow again", find, { withinMs: patienceMs, everyMs: 100 });
      return first.at - begin;
    },
    async stop() {
      clearInterval(timer);
      stopped = true;
      await Promise.all(out);
    },
  };
}

/** The first of `inARow` probes that were all readable in time. */
function firstOfRow(probes: readonly Probe[], withinMs: number): Probe | undefined {
  const isLate = ({ at, readableAt }: Probe) => readableAt === undefined || readableAt - at > withinMs;
  for (let first = 0; first + inARow <= probes.length; first++) {
    const last = probes.slice(first, first + inARow).findLastIndex(isLate);
    if (last < 0) return probes[first];
    first += last;
  }
  return undefined;
}
