import { describe, type Finding } from "./describe.ts";
import type { Evidence } from "./evidence.ts";
import type { Reconciled, Step } from "./reconcile.ts";
import { planOf, type Repair } from "./repair.ts";
import { type Verdict, verdicts } from "./verdict.ts";

/** A finding and how it would be repaired. */
export interface ReportedFinding extends Finding {
  repair: Pick<Repair, "action" | "explanation">;
}

/** What a comparison has found, as `reconcile --json` prints it. */
export interface Report {
  users: number;
  counts: Record<Verdict, number>;
  /** With how many users something is wrong. */
  faults: number;
  /** When the topics had been read to their end, ISO 8601. */
  readAt: string;
  notes: string[];
  /** As many as were asked for, the worst first. */
  findings: ReportedFinding[];
  /** How many there are. */
  found: number;
  /** Only if repairs were asked for: one for each finding. */
  repairs?: Repair[];
}

/** How far a comparison is: one line of JSON on stderr with `--progress json`. */
export interface ReportedProgress {
  step: Step;
  rows: number;
  isDone: boolean;
}

export function reportOf(reconciled: Reconciled, evidence: readonly Evidence[], repairs?: Repair[]): Report {
  return {
    users: reconciled.users,
    counts: reconciled.counts,
    faults: faultsIn(reconciled),
    readAt: new Date(reconciled.readAtMs).toISOString(),
    notes: reconciled.notes,
    findings: evidence.map((one) => {
      const { action, explanation } = planOf(one);
      return { ...describe(one), repair: { action, explanation } };
    }),
    found: reconciled.found.length,
    ...(repairs && { repairs }),
  };
}

/** The verdicts that are faults. */
export const faulty: ReadonlySet<Verdict> = new Set(["lost", "different", "extra", "dead-lettered"]);

const faultsIn = ({ counts }: Reconciled) =>
  verdicts.reduce((sum, verdict) => sum + (faulty.has(verdict) ? counts[verdict] : 0), 0);

export const meanings: Record<Verdict, string> = {
  lost: "a write has not arrived, though nothing is in its way",
  different: "a store has something else than the newest record",
  extra: "in Cassandra, and in no topic",
  "dead-lettered": "its record could not be stored",
  unjudged: "without api.log, it may be the API's doing",
  late: "still on its way",
  equal: "as the newest write says, wherever it should be",
};

export const outcomes: Record<Repair["outcome"], string> = {
  planned: "would be repaired",
  repaired: "repaired",
  sent: "sent",
  failed: "still wrong",
  none: "cannot be repaired from here",
};
