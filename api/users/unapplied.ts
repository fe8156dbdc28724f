import type { User } from "../../contract/user.ts";

/** What an edit makes of a user; null after a deletion. */
export interface Edited {
  user: User | null;
  /** The write time, in microseconds since 1970. */
  written: bigint;
}

/**
 * The accepted edits of this process that Cassandra has not confirmed, so that the next edit of the user builds on them
 * and not on the row that they replace. Only the last `max` are remembered.
 */
export function openUnapplied(max = 1_000) {
  const edits = new Map<string, Edited>();
  return {
    note(id: string, edit: Edited): void {
      edits.delete(id);
      edits.set(id, edit);
      const [oldest] = edits.keys();
      if (edits.size > max && oldest !== undefined) edits.delete(oldest);
    },
    /**
     * What the row is or will be. A row that is gone, or at least as new, is what counts: somebody may have deleted it
     * after the edit was applied.
     */
    over(id: string, row: Edited | undefined): Edited | undefined {
      const edit = edits.get(id);
      if (row && edit && row.written < edit.written) return edit;
      edits.delete(id);
      return row;
    },
  };
}
