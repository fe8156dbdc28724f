import { z } from "zod";
import { timeField } from "../contract/entity.ts";
import { firstFault } from "../contract/first-fault.ts";
import { parseGiven } from "../contract/given-user.ts";
import type { User } from "../contract/user.ts";
import { sources } from "../sources/catalogue.ts";
import { redact } from "../sources/redact.ts";
import { RawLine } from "../sources/source.ts";
import { type Line, parseLine } from "./lines.ts";
import type { Reject } from "./rejects.ts";
import { atOption, inputFlag, inputOption, type Task } from "./task.ts";

const usage = `format: raw records of a source -> users

  format [--input raw.jsonl] [--output users.jsonl] [--rejects FILE] [--at ISO]

  -i, --input   lines from fetch (default: stdin)
  -o, --output  the users (default: stdout)
  --rejects     lines that are not valid users, with the reason
                (default: a file beside --output, or the log)
  --at          the users' timestamp (default: the --at of fetch, or now)
  -h, --help    show this help and exit
`;

/** raw.jsonl -> users.jsonl. With --at, equal input gives equal bytes. */
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

/** Maps every line to a user or a reject. The timestamp is `at`, the line's own `at`, or `now`, in this order. */
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
  const rejected = (reason: string, original: unknown): Reject => ({ reason, line: line.number, original });
  if (json === undefined) return rejected("not JSON", { withheldCharacters: line.text.length });

  const raw = RawLine.safeParse(json);
  if (!raw.success) return rejected(firstFault(raw.error), redact(RawLine, json));
  const source = sources.get(raw.data.source);
  if (!source) return rejected("source: unknown source", redact(RawLine, json));
  const original = () => ({ ...raw.data, record: redact(source.record, raw.data.record) });
  if (raw.data.version !== source.version)
    return rejected(`version: only version ${source.version} of ${source.name} is supported`, original());

  const record = source.record.safeParse(raw.data.record);
  if (!record.success) return rejected(firstFault(record.error, "record"), original());
  const time = at ?? raw.data.at ?? now.toISOString();
  const user = parseGiven({ ...source.toUser(record.data), [timeField]: time });
  return user.success ? user.data : rejected(firstFault(user.error), original());
}
