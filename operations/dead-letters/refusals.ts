import type { Refusal } from "./replay.ts";

/** Letters that were not replayed for the same reason why. */
export interface RefusalGroup {
  letters: number;
  /** The position of the first one. */
  first: string;
  reason: string;
  why: string;
}

/** Few groups of many refusals, since they are mostly the same. Pure. */
export function refusalGroups(refused: readonly Refusal[]): RefusalGroup[] {
  const groups = Map.groupBy(refused, ({ reason, why }) => `${reason} ${why}`);
  return [...groups.values()].map((group) => {
    const { letter, reason, why } = group[0]!;
    return { letters: group.length, first: letter, reason, why };
  });
}
