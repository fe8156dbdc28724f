import { firstFault } from "../contract/first-fault.ts";
import { parseGiven } from "../contract/given-user.ts";
import { User } from "../contract/user.ts";
import { redact } from "../sources/redact.ts";
import { type Line, parseLine } from "./lines.ts";
import type { Reject } from "./rejects.ts";

/** A user and the number of its line, for rejects. */
export interface UserLine {
  user: User;
  line: number;
}

/** Maps every line of users.jsonl to a user or a reject. */
export function parseUsers(lines: readonly Line[]) {
  const users: UserLine[] = [];
  const rejects: Reject[] = [];
  for (const line of lines) {
    const json = parseLine(line);
    const user = parseGiven(json);
    if (user.success) users.push({ user: user.data, line: line.number });
    else if (json === undefined)
      rejects.push({ reason: "not JSON", line: line.number, original: { withheldCharacters: line.text.length } });
    else rejects.push({ reason: firstFault(user.error), line: line.number, original: redact(User, json) });
  }
  return { users, rejects };
}

/** The reject of a valid user that PostgreSQL refused. */
export const refuse = ({ user, line }: UserLine, reason: string): Reject => ({ reason, line, original: user });
