import { shownAddress } from "../../runtime/addresses.ts";
import { type Clients, webAccess } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const clockCheck: Check = { what: "clocks", of: [], look: lookAtClocks };

/** From which difference on a clock is worth a word, in milliseconds. */
const worthAWordMs = 2_000;
/** How long a service may take to tell the time, in milliseconds. */
const answerWithinMs = 4_000;

/** A service's time, in milliseconds since 1970: it was read within `precisionMs` before it was sent. */
interface Reading {
  at: number;
  precisionMs: number;
}

/** How far a clock is ahead of this machine's, in milliseconds: between the two. */
export interface Offset {
  atLeast: number;
  atMost: number;
}

/**
 * Whether the services' clocks agree with this machine's. Kafka is not asked: its protocol does not tell the time, and
 * records have that of their producers. A service that does not answer is another check's finding.
 */
async function lookAtClocks(clients: Clients, stop: AbortSignal): Promise<Finding[]> {
  const clocks = await Promise.all(
    clocksOf(clients, stop).map(async ({ of, read }) => {
      const offset = await measure(read).catch(() => undefined);
      return offset ? [{ of, offset }] : [];
    }),
  );
  return clockFindings(clocks.flat(), clients.config.consumer.maxAheadMs);
}

/** Asks for the time; the answer was given between the question and its arrival. */
async function measure(read: () => Promise<Reading>): Promise<Offset | undefined> {
  const askedAt = Date.now();
  const reading = await Promise.race([read(), Bun.sleep(answerWithinMs)]);
  if (!reading) return undefined;
  const { at, precisionMs } = reading;
  return { atLeast: at - Date.now(), atMost: at + precisionMs - askedAt };
}

interface Clock {
  of: string;
  read: () => Promise<Reading>;
}

function clocksOf({ sql, cassandra, web, config }: Clients, stop: AbortSignal): Clock[] {
  const pages = {
    registry: "/config",
    connect: "/",
    airflow: "/api/v2/version",
    consumer: "/healthz",
    api: "/healthz",
  };
  const names = {
    registry: "Schema Registry",
    connect: "Kafka Connect",
    airflow: "Airflow",
    consumer: "the consumer",
    api: "the API",
  };
  return [
    {
      of: "PostgreSQL",
      async read() {
        const [row] = await sql<[{ now: Date }]>`SELECT clock_timestamp() AS now`;
        return { at: row.now.getTime(), precisionMs: 1 };
      },
    },
    {
      of: "Cassandra",
      async read() {
        const { rows } = await cassandra.execute("SELECT toTimestamp(now()) AS now FROM system.local");
        return { at: (rows[0]!.now as Date).getTime(), precisionMs: 1 };
      },
    },
    ...(Object.keys(pages) as (keyof typeof pages)[]).map((name) => ({
      of: names[name],
      read: () => dateOf(`${web[name]}${pages[name]}`, { signal: stop, ...webAccess(config, name) }),
    })),
  ];
}

/** The Date of an answer, which has whole seconds, and which servers compute once a second. */
async function dateOf(url: string, request: RequestInit): Promise<Reading> {
  const response = await fetch(url, request);
  await response.body?.cancel();
  const at = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(at)) throw new Error(`${shownAddress(url)} does not say when it answered`);
  return { at, precisionMs: 2_000 };
}

/** What is wrong with clocks that differ for certain. If all do, by whatever they have in common, it is this machine's. */
export function clockFindings(clocks: { of: string; offset: Offset }[], maxAheadMs: number): Finding[] {
  const wrong = clocks.filter(({ offset }) => differenceMs(offset) >= worthAWordMs);
  const sides = new Set(wrong.map(({ offset }) => offset.atLeast > 0));
  if (wrong.length > 1 && wrong.length === clocks.length && sides.size === 1) {
    const least = wrong.reduce((one, other) => (differenceMs(one.offset) < differenceMs(other.offset) ? one : other));
    const side = least.offset.atLeast > 0 ? "behind" : "ahead of";
    const cause = `its clock is ${seconds(least.offset)} ${side} that of every service`;
    return [finding("this machine", cause, differenceMs(least.offset), maxAheadMs)];
  }
  return wrong.map(({ of, offset }) => {
    const side = offset.atLeast > 0 ? "ahead of" : "behind";
    return finding(of, `its clock is ${seconds(offset)} ${side} this machine's`, differenceMs(offset), maxAheadMs);
  });
}

const finding = (about: string, cause: string, byMs: number, maxAheadMs: number): Finding => ({
  severity: byMs > maxAheadMs / 2 ? "error" : "warning",
  about,
  cause: `${cause}; the newest write wins by the clock, and one more than ${maxAheadMs / 1_000} s ahead is refused`,
  cure: "Have the time of both machines set by NTP: `timedatectl set-ntp true`",
});

/** By how much a clock differs at least, in milliseconds. */
const differenceMs = ({ atLeast, atMost }: Offset) => Math.max(0, atLeast, -atMost);

const seconds = (offset: Offset) => `${(differenceMs(offset) / 1_000).toFixed(1)} s`;
