import type { Config } from "../../runtime/config.ts";
import type { Instance } from "../instance.ts";

/** One process that supervisor keeps. */
export interface Program {
  name: string;
  argv: string[];
  /** On top of the environment that `up` was called with. */
  env?: Record<string, string>;
  cwd?: string;
  /** What asks it to stop; TERM where nothing is said. */
  stopSignal?: "TERM" | "INT";
  /** Whether only the process itself is asked to stop, since it stops its children with care. */
  stopsItsChildren?: boolean;
  /** How long it may take to stop before it is killed, in seconds. */
  stopWithinSeconds?: number;
  /**
   * Asks the program a real question. It is called again and again until it resolves, so it must be quick to fail;
   * what it throws is shown when the time is over.
   */
  ready?: (instance: Instance) => Promise<void>;
}

/** One service of the stack: what it needs, how it starts, what proves that it is ready. */
export interface Service {
  name: string;
  /** As a person would call it. */
  title: string;
  /** Services that must be ready before this one starts. */
  dependsOn: string[];
  /** The ports it listens on, as keys of the settings. */
  ports: (keyof Config["ports"])[];
  /** Whether this stack runs it at all. */
  wanted?: (instance: Instance) => boolean;
  /** Writes configuration, formats storage, migrates: before the programs start, every time, and quickly if it is done. */
  prepare?: (instance: Instance, stop: AbortSignal) => Promise<void>;
  /** Its programs, in the order in which they start; each is ready before the next one starts. */
  programs: (instance: Instance) => Program[];
  /** Where a person or a client finds it. */
  address: (instance: Instance) => string;
}

/** How long a service may take from its start to its first answer, in milliseconds. */
export const readyWithinMs = 300_000;
