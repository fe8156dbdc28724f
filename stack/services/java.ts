import { basename, dirname, join } from "node:path";
import type { Instance } from "../instance.ts";

/** The class path of a bundle of jars. */
export const classPathOf = ({ installed }: Pick<Instance, "installed">, bundle: string) =>
  join(installed.bundle(bundle), "*");

/**
 * A file with a JVM's classes as they are once loaded, which saves two fifths of a start's CPU time. The JVM writes it
 * when it is stopped, if there is none or it is of other jars; one that it cannot use only makes the start slower.
 */
export const sharedClasses = ({ installed }: Pick<Instance, "installed">, bundle: string) => [
  "-XX:+AutoCreateSharedArchive",
  `-XX:SharedArchiveFile=${join(dirname(dirname(installed.python)), `${basename(installed.bundle(bundle))}.jsa`)}`,
  "-XX:+VerifySharedSpaces", // else a damaged file is used
  ...["-Xlog:cds*=off", "-Xlog:aot*=off"], // it calls the flags below an error
];

/** Small heaps use the single-threaded collector: the stack runs on few cores, and pauses are short at this size. */
export const smallHeap = (minimum: string, maximum: string) => [`-Xms${minimum}`, `-Xmx${maximum}`, "-XX:+UseSerialGC"];

/** Lines of slf4j-simple begin with the time; `levels` are those of loggers, `default` that of all others. */
export const logging = ({ default: least = "info", ...levels }: Record<string, string>) => [
  "-Dorg.slf4j.simpleLogger.showDateTime=true",
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
  `-Dorg.slf4j.simpleLogger.defaultLogLevel=${least}`,
  ...Object.entries(levels).map(([logger, level]) => `-Dorg.slf4j.simpleLogger.log.${logger}=${level}`),
];

/** Some libraries still use what Java 25 warns of. */
export const quietAboutInternals = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"];

/** Makes a JVM that runs out of memory exit, so that supervisor restarts it. */
export const exitWhenOutOfMemory = "-XX:+ExitOnOutOfMemoryError";
