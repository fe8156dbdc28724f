import { FinalError } from "../../runtime/lifecycle.ts";
import { type Clients, type Range, rangeOf } from "../topic-log.ts";
import { type Entry, type Filter, type LetterLog, readEntries, readLetterLog } from "./letter-log.ts";

/** A letter's position in the dead-letter topic. */
export interface Position {
  partition: number;
  offset: bigint;
}

/** Which letters. */
export type Selection = { positions: readonly Position[] } | { filter: Filter };

export const positionOf = ({ partition, offset }: Pick<Entry, "partition" | "offset">) => `${partition}:${offset}`;

/**
 * A position as people write it: `PARTITION:OFFSET`, or only the offset if the topic has one partition.
 * @throws FinalError if it is none
 */
export async function parsePositions({ admin }: Pick<Clients, "admin">, topic: string, given: readonly string[]) {
  const partitions = (await rangeOf(admin, [topic])).to.get(topic)?.size ?? 0;
  return given.map((text): Position => {
    const [, partition, offset] = /^(?:(\d{1,9}):)?(\d{1,18})$/.exec(text) ?? [];
    if (offset === undefined) throw new FinalError(`${text} is no position: it must be PARTITION:OFFSET or OFFSET`);
    if (partition === undefined && partitions > 1)
      throw new FinalError(`${text}: ${topic} has ${partitions} partitions; give PARTITION:OFFSET`);
    return { partition: Number(partition ?? 0), offset: BigInt(offset) };
  });
}

/** @throws FinalError if there is no letter at one of the positions */
export async function readSelected(clients: Clients, topic: string, selection: Selection): Promise<LetterLog> {
  if ("filter" in selection) return readLetterLog(clients, topic, selection.filter);
  const { positions } = selection;
  const wanted = new Set(positions.map(({ partition, offset }) => `${partition}:${offset}`));
  const seen = new Set<string>();
  const range = await rangeAround(clients, topic, positions);
  const log = await readEntries(clients, topic, range, (letter) => {
    const position = positionOf(letter);
    if (wanted.has(position)) seen.add(position);
    return wanted.has(position);
  });
  const missing = [...wanted].filter((position) => !seen.has(position));
  if (missing.length > 0) throw new FinalError(`${topic} has no letter at ${missing.join(", ")}`);
  return log;
}

/** The part of a topic from the first to the last of the positions in each partition. */
export async function rangeAround({ admin }: Clients, topic: string, positions: readonly Position[]): Promise<Range> {
  const { from, to } = await rangeOf(admin, [topic]);
  const [first, end] = [new Map<number, bigint>(), new Map<number, bigint>()];
  for (const { partition, offset } of positions) {
    const last = to.get(topic)?.get(partition) ?? 0n;
    const lowest = from.get(topic)?.get(partition) ?? 0n;
    if (offset < lowest || offset >= last) continue;
    const [known, knownEnd] = [first.get(partition), end.get(partition)];
    first.set(partition, known !== undefined && known < offset ? known : offset);
    end.set(partition, knownEnd !== undefined && knownEnd > offset ? knownEnd : offset + 1n);
  }
  return end.size > 0
    ? { from: new Map([[topic, first]]), to: new Map([[topic, end]]) }
    : { from: new Map(), to: new Map() };
}
