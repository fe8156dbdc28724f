import type { Decoded } from "../../operations/dead-letters/decode.ts";
import { readable } from "../../operations/dead-letters/letter.ts";
import { parsePositions } from "../../operations/dead-letters/selection.ts";
import { type ShownLetter, showLetter } from "../../operations/dead-letters/show.ts";
import { openRegistry } from "../../runtime/registry.ts";
import { type Command, jsonOption } from "../command.ts";
import { withKafka } from "./clients.ts";
import { shownTime } from "./list.ts";

interface Given {
  position: string;
  json?: boolean;
}

export const show: Command<Given> = {
  name: "show <position>",
  summary: "Show one letter: its record decoded, why it could not be stored, and what can be done",
  options: (yargs) =>
    yargs
      .positional("position", {
        type: "string",
        demandOption: true,
        describe: "Its position, as `list --each` shows it",
      })
      .option("json", jsonOption)
      .example("$0 dead-letters show 17", "the letter at offset 17")
      .example("$0 dead-letters show 2:17 --json", "the same for a program, in partition 2"),
  exits: { 0: "settled", 1: "open", 2: "there is none, or Kafka could not be asked" },
  run: ({ position, json = false }) =>
    withKafka(async ({ kafka, admin, config }) => {
      const topic = config.kafka.deadLetterTopic;
      const [at] = await parsePositions({ admin }, topic, [position]);
      const letter = await showLetter({ kafka, admin }, openRegistry(config.schemaRegistry), topic, at!);
      console.log(json ? JSON.stringify(letter) : letterText(letter, topic));
      return letter.settlement ? 0 : 1;
    }),
};

function letterText(letter: ShownLetter, topic: string): string {
  const { partition, offset, writtenMs, reason, meaning, detail, rule, because, advice, settlement } = letter;
  const lines: [string, string | null][] = [
    ["letter", `${partition}:${offset} of ${topic}, written ${shownTime(writtenMs)}`],
    ["state", stateOf(settlement)],
    ["reason", meaning ? `${reason}: ${meaning}` : reason],
    ["detail", detail],
    ["rule", rule],
    ["record", recordOf(letter)],
    ["replayed", timesOf(letter.replays)],
    ["skipped", because && `because: ${because}`],
    ["what to do", settlement ? null : advice],
  ];
  return [
    ...lines.flatMap(([name, text]) => (text ? `${name.padEnd(11)} ${text}` : [])),
    "",
    ...decodedLines("key", letter.key),
    ...decodedLines("value", letter.value),
    ...headerLines(letter.headers),
  ].join("\n");
}

function stateOf(settlement: ShownLetter["settlement"]): string {
  if (!settlement) return "open";
  const { action, by, at, because, to, set } = settlement;
  const repaired = set ? ` with another ${set.join(", ")}` : "";
  const where = to ? ` to ${to.topic}, partition ${to.partition}, offset ${to.offset}` : "";
  return readable(`${action} by ${by} at ${at}${repaired}${where}${because ? `, because: ${because}` : ""}`);
}

function recordOf({ origin, lastOffset, producedMs }: ShownLetter): string {
  if (!origin) return "the letter does not say where it comes from";
  const last = lastOffset === null ? "" : ` to ${lastOffset}`;
  const when = producedMs === null ? "" : `, produced ${shownTime(producedMs)}`;
  return `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}${last}${when}`;
}

const timesOf = (replays: number) =>
  replays === 0 ? null : replays === 1 ? "once, and failed again" : `${replays} times, and failed again`;

function decodedLines(name: string, decoded: Decoded): string[] {
  switch (decoded.format) {
    case "none":
      return [`${name}: none`];
    case "text":
      return [`${name} (text)`, `  ${decoded.value}`];
    case "bytes":
      return [`${name} (${decoded.length} bytes; ${readable(decoded.why)})`, ...indented(decoded.dump)];
    case "Avro":
      return [`${name} (Avro, schema ${decoded.schemaId})`, ...indented(JSON.stringify(decoded.value, null, 2))];
    default:
      return [`${name} (JSON)`, ...indented(JSON.stringify(decoded.value, null, 2))];
  }
}

const indented = (text: string) => text.split("\n").map((line) => `  ${readable(line)}`);

function headerLines(headers: ShownLetter["headers"]): string[] {
  const width = Math.min(40, Math.max(0, ...headers.map(({ name }) => name.length)));
  return ["headers", ...headers.map(({ name, value }) => `  ${readable(name).padEnd(width)} ${headerText(value)}`)];
}

function headerText(value: Decoded): string {
  switch (value.format) {
    case "none":
      return "none";
    case "text":
      return value.value.slice(0, 200);
    case "bytes":
      return `${value.length} bytes: ${value.dump.slice(6, 53).trim()}${value.length > 16 ? " …" : ""}`;
    default:
      return readable(JSON.stringify(value.value)).slice(0, 200);
  }
}
