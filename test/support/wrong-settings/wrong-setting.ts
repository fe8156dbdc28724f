import type { Program } from "../secured-servers/clients.ts";

/** Settings that cannot work. */
export interface WrongSetting {
  /** What is wrong. */
  what: string;
  /** The program that is given them. */
  program: Program;
  settings: Record<string, string>;
  /** What its error has to say. */
  says: string[];
}
