import type { Filter } from "../../operations/dead-letters/letter-log.ts";
import { parsePositions, type Selection } from "../../operations/dead-letters/selection.ts";
import { sinceMsOf } from "../../operations/since.ts";
import type { Clients } from "../../operations/topic-log.ts";

/** The options that choose letters. */
export const filterOptions = {
  reason: { type: "string", requiresArg: true, describe: "Only letters with this reason" },
  topic: { type: "string", requiresArg: true, describe: "Only letters whose record is in this topic" },
  since: {
    type: "string",
    requiresArg: true,
    describe: "Only letters written since this time (ISO 8601) or for this long (3d, 12h)",
  },
} as const;

export interface FilterGiven {
  reason?: string;
  topic?: string;
  since?: string;
}

/** @throws Error if `since` is no time */
export const filterOf = ({ reason, topic, since }: FilterGiven): Filter => ({
  ...(reason !== undefined && { reason }),
  ...(topic !== undefined && { topic }),
  ...(since !== undefined && { sinceMs: sinceMsOf(since) }),
});

/** The positions of letters, given without an option. */
export const positions = {
  type: "string",
  array: true,
  describe: "Positions of letters, as `list --each` shows them",
} as const;

export interface SelectionGiven extends FilterGiven {
  positions?: string[];
  all?: boolean;
}

/** Positions, or conditions, or all: exactly one of them, so that nothing is done to letters that nobody meant. */
export function expectSelection({ positions = [], all = false, ...filter }: SelectionGiven): true {
  const ways = [positions.length > 0, Object.keys(filterOf(filter)).length > 0, all].filter(Boolean);
  if (ways.length === 0) throw new Error("which letters? Give positions, --reason, --topic or --since, or --all");
  if (ways.length > 1) throw new Error("give either positions, or --reason, --topic and --since, or --all");
  return true;
}

export const selectionOf = async (
  clients: Clients,
  topic: string,
  { positions = [], ...filter }: SelectionGiven,
): Promise<Selection> =>
  positions.length > 0 ? { positions: await parsePositions(clients, topic, positions) } : { filter: filterOf(filter) };
