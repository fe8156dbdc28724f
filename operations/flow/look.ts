import type { connectorState } from "../connector.ts";
import type { Service } from "../doctor/finding.ts";
import type { TopicFacts } from "./kafka.ts";
import type { ApiFacts, ConsumerFacts } from "./programs.ts";
import type { RunFacts } from "./run.ts";
import type { PostgresFacts, Rows } from "./stores.ts";

/** What was seen. A part is missing if its service did not answer, or was not asked. */
export interface Look {
  atMs: number;
  topics?: Map<string, TopicFacts>;
  /** When the newest record of a topic was written, in milliseconds since 1970. */
  newestMs?: Map<string, number | undefined>;
  /** Dead letters that nobody has settled, by reason; undefined if there are too many to read. */
  openLetters?: Record<string, number>;
  consumer?: ConsumerFacts;
  postgres?: PostgresFacts;
  /** Rows of the table, and when they were counted. */
  cassandra?: Rows & { countedMs: number };
  connector?: ReturnType<typeof connectorState>;
  run?: RunFacts | "none";
  api?: ApiFacts;
  /** Services that accept no connection, and why. */
  away: Map<Service, string>;
  /** Services that accept one and did not answer, and why. */
  silent: Map<Service, string>;
}
