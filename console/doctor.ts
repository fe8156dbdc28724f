import { diagnose, type Subject } from "../operations/doctor/doctor.ts";
import type { Finding } from "../operations/doctor/finding.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";

/** What doctor found when it last looked. */
export interface Diagnosis {
  /** Worst first. */
  findings: readonly Finding[];
  atMs: number;
}

/** One doctor for all pages. It looks only while somebody asks for what it found. */
export interface Doctor {
  /** What it found last, undefined before its first look; looks again if that is older than half a minute. Never waits. */
  latest: () => Diagnosis | undefined;
  /** Whether it looks right now. */
  isLooking: () => boolean;
  /** Why it could not look the last time. */
  failure: () => string | undefined;
  /** Looks now, or joins the look at work; ten seconds at most. */
  look: () => Promise<void>;
}

const everyMs = 30_000;

/** The settings are read again for each look, so that a mistake made since the start is found. */
export function openDoctor(subject: () => Subject, log: Log): Doctor {
  let last: Diagnosis | undefined;
  let failure: string | undefined;
  let current: Promise<void> | undefined;
  let nextMs = 0;

  async function lookOnce() {
    try {
      last = { findings: await diagnose(subject()), atMs: Date.now() };
      failure = undefined;
    } catch (error) {
      failure = messageOf(error);
      log.warn("doctor could not look", { error: failure });
    }
    nextMs = Date.now() + everyMs;
    current = undefined;
  }
  const look = () => (current ??= lookOnce());
  return {
    latest() {
      if (Date.now() >= nextMs) void look();
      return last;
    },
    isLooking: () => current !== undefined,
    failure: () => failure,
    look,
  };
}
