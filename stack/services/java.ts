import { join } from "node:path";
import type { Instance } from "../instance.ts";

/** The class path of a bundle of jars. */
export const classPathOf = ({ installed }: Pick<Instance, "installed">, bundle: string) =>
  join(installed.bundle(bundle), "*");

/** One thread collects garbage in a small heap: the stack shares few cores, and pauses stay short at this size. */
export const smallHeap = (minimum: string, maximum: string) => [`-Xms${minimum}`, `-Xmx${maximum}`, "-XX:+UseSerialGC"];

/** A JVM that runs out of memory ends, so that supervisor starts it anew. */
export const endWhenOutOfMemory = "-XX:+ExitOnOutOfMemoryError";
