import { diagnose, type Subject } from "../operations/doctor/doctor.ts";
import type { Finding } from "../operations/doctor/finding.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";

/** What doctor found when it last looked. */
export interface Diagnosis {
  findings: readonly Finding[];
  atMs: number;
}

export interface Doctor {
  /** What it found last, undefined before its first look; looks again if that is older than half a minute. Never waits. */
  latest: () => Diagnosis | undefined;
}

const everyMs = 30_000;

/** One doctor for all pages. It looks only while somebody asks for what it found. */
export function openDoctor(subject: Subject, log: Log): Doctor {
  let last: Diagnosis | undefined;
  let nextMs = 0;
  async function look() {
    try {
      last = { findings: await diagnose(subject), atMs: Date.now() };
    } catch (error) {
      log.warn("doctor could not look", { error: messageOf(error) });
    }
    nextMs = Date.now() + everyMs;
  }
  return {
    latest() {
      if (Date.now() >= nextMs) {
        nextMs = Number.POSITIVE_INFINITY; // until it has looked
        void look();
      }
      return last;
    },
  };
}
