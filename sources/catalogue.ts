import * as all from "./generated.ts";
import type { Source } from "./source.ts";

/** Every source by its name, the value of `source` in config.yaml. */
export const sources: ReadonlyMap<string, Source> = new Map(Object.values(all).map((source) => [source.name, source]));
