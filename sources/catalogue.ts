import * as all from "./generated.ts";
import type { Source } from "./source.ts";

/**
 * Every source by its name, the value of `source` in config.yaml. The list is generated, since a compiled binary has no
 * folder to look into, and Bun has no import of all files of a folder.
 */
export const sources: ReadonlyMap<string, Source> = new Map(Object.values(all).map((source) => [source.name, source]));
