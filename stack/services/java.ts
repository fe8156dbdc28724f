import { join } from "node:path";
import type { Instance } from "../instance.ts";

/** The class path of a bundle of jars. */
export const classPathOf = ({ installed }: Pick<Instance, "installed">, bundle: string) =>
  join(installed.bundle(bundle), "*");

/** Small heaps use the single-threaded collector: the stack runs on few cores, and pauses are short at this size. */
export const smallHeap = (minimum: string, maximum: string) => [`-Xms${minimum}`, `-Xmx${maximum}`, "-XX:+UseSerialGC"];

/** Makes a JVM that runs out of memory exit, so that supervisor restarts it. */
export const exitWhenOutOfMemory = "-XX:+ExitOnOutOfMemoryError";
