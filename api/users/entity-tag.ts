import { z } from "@hono/zod-openapi";
import { idField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import { Problem } from "../problem.ts";

/**
 * The strong entity tag of a user that was written at a time, in microseconds since 1970 (RFC 9110, 8.8.3). The write time alone would not do: a row that two writers wrote
 * in the same microsecond has a mixture of their values, and a newer contract shows the same write with another field. Nor
 * would the content alone: a value that was changed and changed back would go unnoticed.
 */
export const tagOf = (user: User, written: bigint): string => {
  const digest = new Bun.CryptoHasher("sha256").update(`${written} ${JSON.stringify(user)}`).digest();
  return `"${digest.subarray(0, 12).toString("base64url")}"`;
};

const tag = '(W/)?"[!#-~]*"';
const tags = z
  .string()
  .regex(new RegExp(`^(\\*|${tag}( *, *${tag})*)$`), 'must be * or entity tags in double quotes, such as "c2FtcGxl"')
  .optional();

/** The header of a write that is to be made only if the user is still the one that the client has seen. */
export const IfMatch = z.object({
  "if-match": tags.openapi({
    description: "The `ETag` of the user that the change is meant for; if it is another one by now, the answer is 412.",
  }),
});

/** The header of a read that needs the user only if it is another one than the client has. */
export const IfNoneMatch = z.object({
  "if-none-match": tags.openapi({
    description: "The `ETag` of the user that the client has; if it is still that one, the answer is 304.",
  }),
});

/** @throws Problem 412 unless the condition is met; the comparison is strong, so a weak tag matches nothing */
export function expectMatch(user: User, written: bigint, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === "*" || tagsIn(ifMatch).includes(tagOf(user, written))) return;
  throw new Problem(412, `user ${user[idField]} is not the one with the ETag in If-Match any more; read it again`);
}

/** Whether a client has the user with this tag already; the comparison is weak. */
export const isKnown = (current: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch === "*" || tagsIn(ifNoneMatch ?? "").some((each) => each.replace(/^W\//, "") === current);

const tagsIn = (header: string): string[] => header.match(/(?:W\/)?"[^"]*"/g) ?? [];

/** What `If-Match` guarantees, for the description of an operation. */
export const conditional = (done: string) =>
  `With \`If-Match\`, the user is ${done} only if its \`ETag\` is still one of those given, and otherwise the answer is 412. \
One API process works on the writes of a user one after another, so of several with the same \`ETag\` one succeeds. What writes \
the table beside it (another API process, the pipeline, a change in PostgreSQL) does not wait for it: a write of theirs within \
the milliseconds between this check and the write goes unnoticed. Then, as without \`If-Match\`, the newest write wins.`;
