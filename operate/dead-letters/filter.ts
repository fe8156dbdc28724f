import type { Filter } from "../../operations/dead-letters/letter-log.ts";
import { sinceMsOf } from "../since.ts";

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
