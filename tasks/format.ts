import { z } from "zod";
import { firstFault, User } from "../contract/user.ts";
import { sources } from "../sources/catalogue.ts";
import { redact } from "../sources/redact.ts";
import { RawLine } from "../sources/source.ts";
import { type Line, parseLine } from "./lines.ts";
import type { Reject } from "./rejects.ts";
import { atOption, inputFlag, inputOption, type Task } from "./task.ts";

const usage = `format: raw records of a source -> users

  format [--input raw.jsonl] [--output users.jsonl] [--rejects FILE] [--at ISO]

  --input    lines that fetch wrote; left out, stdin
  --output   the users; left out, stdout
  --rejects  lines that are no user, with the reason; left out, beside --output, or the log
  --at       the users' timestamp; left out, what fetch was given, or else now
`;

/** raw.jsonl -> users.jsonl. With --at, the same input gives the same bytes. */
export const format: Task<{ input?: string; at?: string }> = {
  name: "format",
  usage,
  flags: { ...inputFlag, at: { type: "string" } },
  options: z.strictObject({ ...inputOption, at: atOption }),
  async work({ lines, write, reject }, { input, at }) {
    for await (const batch of lines(input)) {
      const { users, rejects } = formatLines(batch, at, new Date());
      await reject(rejects);
      await write(users);
    }
    return {};
  },
};

/** Every line becomes a user or a reject. The timestamp is `at`, or what the line was fetched with, or `now`. */
export function formatLines(lines: readonly Line[], at: string | undefined, now: Date) {
  const users: User[] = [];
  const rejects: Reject[] = [];
  for (const line of lines) {
    const result = formatLine(line, at, now);
    if ("reason" in result) rejects.push(result);
    else users.push(result);
  }
  return { users, rejects };
}

function formatLine(line: Line, at: string | undefined, now: Date): User | Reject {
  const json = parseLine(line);
  const because = (reason: string, original: unknown): Reject => ({ reason, line: line.number, original });
  if (json === undefined) return because("not JSON", { withheldCharacters: line.text.length });

  const raw = RawLine.safeParse(json);
  if (!raw.success) return because(firstFault(raw.error), redact(RawLine, json));
  const source = sources.get(raw.data.source);
  if (!source) return because("source: no source of this name", redact(RawLine, json));
  const original = () => ({ ...raw.data, record: redact(source.record, raw.data.record) });
  if (raw.data.version !== source.version)
    return because(`version: this reads version ${source.version} of ${source.name}`, original());

  const record = source.record.safeParse(raw.data.record);
  if (!record.success) return because(firstFault(record.error, "record"), original());
  const timestamp = at ?? raw.data.at ?? now.toISOString();
  const user = User.safeParse({ ...source.toUser(record.data), timestamp });
  return user.success ? user.data : because(firstFault(user.error), original());
}
