import { dummyjson } from "./dummyjson.ts";
import { randomuser } from "./randomuser.ts";
import type { Source } from "./source.ts";

/** Every source by its name, the value of `source` in config.yaml. */
export const sources: ReadonlyMap<string, Source> = new Map(
  [randomuser, dummyjson].map((source) => [source.name, source]),
);
