import { timeField } from "../../contract/entity.ts";
import { reasons } from "../../contract/topics.ts";
import { fields } from "../../contract/user.ts";
import { operatorCommand } from "../../runtime/operator-command.ts";
import type { Registry } from "../../runtime/registry.ts";
import { type Clients, readRange } from "../topic-log.ts";
import { type Decoded, decodeBytes } from "./decode.ts";
import { type Letter, readLetter } from "./letter.ts";
import type { Entry } from "./letter-log.ts";
import { type Position, rangeAround, readSelected } from "./selection.ts";

/** Everything known about one letter. */
export interface ShownLetter extends Omit<Letter, "message"> {
  settlement: Entry["settlement"];
  /** What the reason means, if the contract has it. */
  meaning: string | null;
  /** The contract's rules of the field that the detail names. */
  rule: string | null;
  /** What can be done about it. */
  advice: string;
  key: Decoded;
  value: Decoded;
  headers: { name: string; value: Decoded }[];
}

/** @throws FinalError if there is no letter at that position */
export async function showLetter(
  clients: Clients,
  registry: Pick<Registry, "schemaOf">,
  topic: string,
  position: Position,
): Promise<ShownLetter> {
  const { entries } = await readSelected(clients, topic, { positions: [position] });
  const found: Letter[] = [];
  await readRange(clients, await rangeAround(clients, topic, [position]), ({ messages, partition }) => {
    for (const message of messages) found.push(readLetter(message, partition));
  });
  return { ...(await describeLetter(found[0]!, registry)), settlement: entries[0]?.settlement };
}

/** What can be said about a letter without the topic of settlements. */
export async function describeLetter(
  { message, ...letter }: Letter,
  registry: Pick<Registry, "schemaOf">,
): Promise<Omit<ShownLetter, "settlement">> {
  const headers = Object.entries(message.headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value) => ({ name, value })),
  );
  return {
    ...letter,
    meaning: meaningOf(letter.reason),
    rule: ruleIn(letter.detail),
    advice: adviceOn(letter),
    key: await decodeBytes(message.key, noRegistry),
    value: await decodeBytes(message.value, registry),
    headers: await Promise.all(
      headers.map(async ({ name, value }) => ({ name, value: await decodeBytes(value, noRegistry) })),
    ),
  };
}

/** What a reason means; null if it is none of the contract's. */
export const meaningOf = (reason: string): string | null =>
  reason in reasons ? reasons[reason as keyof typeof reasons] : null;

/** Keys and headers are not in the wire format. */
const noRegistry = { schemaOf: async () => null };

/** The rules of the field that a detail begins with: `email: must be an e-mail address`. */
function ruleIn(detail: string): string | null {
  const [, name] = /^(?:user\.)?([a-z0-9_]+): /.exec(detail) ?? [];
  const field = fields.find((each) => each.name === name);
  if (!field) return null;
  const rules = Object.entries(field.rules).filter(([, value]) => value !== undefined);
  const kind = `${field.kind}${field.nullable ? ", or null" : ""}`;
  return [`${field.name}: ${kind}`, ...rules.map(([rule, value]) => `${rule} ${value}`)].join(", ");
}

function adviceOn({ reason, replays, detail }: Omit<Letter, "message">): string {
  const again = replays > 0 ? ` It has failed again ${replays} times.` : "";
  return `${cures[reason as keyof typeof cures] ?? cures.none}${again}`.replace(
    "FIELD",
    /^(?:user\.)?([a-z0-9_]+): /.exec(detail)?.[1] ?? "FIELD",
  );
}

const dismiss = "have it sent again by whoever produced it, and `dismiss` this letter";
const cures = {
  no_value: `A null says nothing that could be stored: ${dismiss}.`,
  too_large: `\`--set\` cannot repair bytes: ${dismiss}.`,
  no_magic_byte: `\`--set\` cannot repair bytes: ${dismiss}.`,
  undecodable: `If the value above is Avro with fields, \`replay --set\` may complete it; otherwise ${dismiss}.`,
  unknown_schema:
    "Register the schema with that id, or point schemaRegistry.url to the registry that has it; then `replay`.",
  invalid_user: "`replay --set FIELD=VALUE` repairs it.",
  timestamp_ahead: `\`replay\` it once its time has come, or \`replay --set ${timeField}=TIME\`, not after it was produced.`,
  unsupported_change:
    "It names no row: see what was done in PostgreSQL, repair the rows there, and `dismiss` this letter.",
  unreadable_batch:
    "The value is the batch's bytes, as Kafka stored them: restore the records from where they came from, and `dismiss` this letter.",
  refused: `Fix the table (${operatorCommand("migrate --check")}), then \`replay\`.`,
  none: "It is not from this pipeline: `dismiss` it.",
} as const;
