import type { Config } from "../../runtime/config.ts";
import type { Instance } from "../instance.ts";

/** A process that supervisor runs. */
export interface Program {
  name: string;
  argv: string[];
  /** Added to the environment of `up`. */
  env?: Record<string, string>;
  cwd?: string;
  /** Where it listens, if that is another address than its service's. */
  address?: string;
  /** The signal that stops it; TERM if omitted. */
  stopSignal?: "TERM" | "INT";
  /** Whether only the process itself receives the signal, because it stops its own children. */
  stopsItsChildren?: boolean;
  /** Time to stop before it is killed, in seconds. */
  stopWithinSeconds?: number;
  /** Checks that the program serves requests. Called until it resolves, so it must fail fast; its last error is reported. */
  ready?: (instance: Instance) => Promise<void>;
  /** Creates what the programs that use it may not create themselves. Called by `up` once it is ready; also until it resolves. */
  provide?: (instance: Instance) => Promise<void>;
}

/** A service of the stack: its dependencies, how it starts and when it is ready. */
export interface Service {
  name: string;
  /** Its display name. */
  title: string;
  /** Services that must be ready before this one starts. */
  dependsOn: string[];
  /** The ports it listens on, as keys of the settings. */
  ports: (keyof Config["ports"])[];
  /** The addresses on which it listens on them; 127.0.0.1 if omitted. */
  hosts?: (instance: Instance) => string[];
  /** Whether this stack runs it; always if omitted. */
  isEnabled?: (instance: Instance) => boolean;
  /** Writes configuration, formats storage, migrates. Runs before every start, so it must be fast when nothing is to do. */
  prepare?: (instance: Instance, stop: AbortSignal) => Promise<void>;
  /** Its programs in start order; each must be ready before the next starts, unless they start together. */
  programs: (instance: Instance) => Program[];
  /** Whether its programs do not wait for one another, as the nodes of a cluster, which need one another to become ready. */
  startsTogether?: boolean;
  /** Whether they are stopped one after the other even so, in the opposite order. */
  stopsInReverse?: boolean;
  /** The address for users and clients. */
  address: (instance: Instance) => string;
}

/** Time limit for a service to become ready, in milliseconds. */
export const readyWithinMs = 300_000;
