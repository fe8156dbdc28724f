import { z } from "zod";
import { setting } from "./setting.ts";

/** A bearer token and its holder's name. */
export interface NamedToken {
  name: string;
  token: string;
}

const minLength = 16;

/** The name of the token in API_TOKEN. */
const unnamed = "API_TOKEN";
/** The authors of edits that no token stands for. */
const reserved = [unnamed, "reconcile"];

/** All tokens that the API accepts; none if its writes are open. */
export const tokensOf = (api: { token?: string; tokens?: NamedToken[] }): NamedToken[] => [
  ...(api.token === undefined ? [] : [{ name: unnamed, token: api.token }]),
  ...(api.tokens ?? []),
];

/** Named tokens: a map in the file, `name:token,name:token` in a variable, or a line each in the variable's file. */
export const namedTokens = (env: string, what: string) =>
  setting(
    z
      .union([z.string().transform(pairsIn), z.record(z.string(), z.string()).transform(Object.entries<string>)], {
        error: "must be a map of names to tokens; put a token of digits in quotes",
      })
      .transform((pairs, context) => {
        // By position: a name may be a token, where somebody has swapped them.
        for (const [index, pair] of pairs.entries())
          for (const message of faultsOf(pair, pairs.slice(0, index)))
            context.addIssue({ code: "custom", message: `entry ${index + 1} ${message}` });
        return pairs.map(([name, token = ""]): NamedToken => ({ name, token }));
      })
      .optional(),
    env,
    what,
    { secret: true, example: "rachel:at-least-16-characters" },
  );

type Pair = [name: string, token?: string];

const pairsIn = (text: string): Pair[] =>
  text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [name = "", ...token] = entry.split(":");
      return token.length === 0 ? [name] : [name, token.join(":")];
    });

function faultsOf([name, token]: Pair, earlier: readonly Pair[]): string[] {
  if (token === undefined) return ["is not name:token"];
  const faults: string[] = [];
  if (!/^[a-z][a-z0-9._@-]{0,49}$/i.test(name))
    faults.push("needs a name of at most 50 letters, digits or . _ @ -, a letter first");
  if (reserved.includes(name)) faults.push("needs another name: edits of others have this one");
  if (earlier.some(([other]) => other === name)) faults.push("has the name of an earlier entry");
  if (token.length < minLength) faults.push(`has a token of fewer than ${minLength} characters`);
  if (!/^[!-~]*$/.test(token))
    faults.push("has a token that is not printable ASCII without spaces, as a header needs it");
  if (earlier.some(([, other]) => other === token)) faults.push("has the token of an earlier entry");
  return faults;
}
