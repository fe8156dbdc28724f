import { dismissLetters } from "../../operations/dead-letters/dismiss.ts";
import { type RefusalGroup, refusalGroups } from "../../operations/dead-letters/refusals.ts";
import type { Values } from "../../operations/dead-letters/repair.ts";
import { replayLetters } from "../../operations/dead-letters/replay.ts";
import type { Selection } from "../../operations/dead-letters/selection.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Letters } from "./letters.ts";

/** Something that is done about letters, and what came of it. */
export interface Action {
  kind: "replay" | "dry run" | "dismiss";
  selection: Selection;
  state: "waiting" | "running" | "done" | "failed";
  startedMs: number;
  /** Letters replayed so far, of those that were chosen. */
  progress: { done: number; of: number } | undefined;
  /** Why nothing happens for a while. */
  interruption: string | undefined;
  /** Letters that were replayed, would be, or were dismissed; those that were settled before; those that were not. */
  result: { done: number; settledBefore: number; refused: number; groups: RefusalGroup[] } | undefined;
  error: string | undefined;
  ended: Promise<void>;
}

export type Wanted = { selection: Selection } & (
  | { kind: "replay" | "dry run"; values: Values; force: boolean }
  | { kind: "dismiss"; because: string }
);

export interface Actions {
  /** Begins it once the earlier ones have ended, and returns its id. */
  start: (wanted: Wanted) => string;
  find: (id: string) => Action | undefined;
}

const maxKept = 50;
const maxGroups = 30;

/** Does one after the other: two at once would only take the topic of settlements from each other. */
export function openActions(letters: Letters): Actions {
  const actions = new Map<string, Action>();
  let before = Promise.resolve();

  return {
    find: (id) => actions.get(id),
    start(wanted) {
      const id = crypto.randomUUID().slice(0, 8);
      const action: Action = {
        kind: wanted.kind,
        selection: wanted.selection,
        state: "waiting",
        startedMs: Date.now(),
        progress: undefined,
        interruption: undefined,
        result: undefined,
        error: undefined,
        ended: Promise.resolve(),
      };
      action.ended = before = before.then(() => carryOut(letters, wanted, action));
      actions.set(id, action);
      for (const oldest of actions.keys()) if (actions.size > maxKept) actions.delete(oldest);
      return id;
    },
  };
}

async function carryOut(letters: Letters, wanted: Wanted, action: Action): Promise<void> {
  const onInterruption = () => {
    action.interruption = "Somebody else settles letters at the moment, or Kafka failed; this continues shortly.";
  };
  action.state = "running";
  try {
    const dependencies = await letters.dependencies();
    const { selection } = wanted;
    if (wanted.kind === "dismiss") {
      const { because } = wanted;
      const report = await dismissLetters({ ...dependencies, onInterruption }, selection, because);
      action.result = { done: report.dismissed, settledBefore: report.settledBefore, refused: 0, groups: [] };
    } else {
      const { values, force } = wanted;
      const report = await replayLetters(dependencies, selection, {
        values,
        force,
        dryRun: wanted.kind === "dry run",
        onInterruption,
        onProgress(done, of) {
          action.interruption = undefined;
          action.progress = { done, of };
        },
      });
      const { replayed, settledBefore, refused } = report;
      const groups = refusalGroups(refused).slice(0, maxGroups);
      action.result = { done: replayed, settledBefore, refused: refused.length, groups };
    }
    action.state = "done";
    await letters.follower.look().catch(() => {}); // so that the next page shows it
  } catch (error) {
    action.state = "failed";
    action.error = messageOf(error);
  }
}
