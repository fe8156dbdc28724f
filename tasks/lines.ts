/** A line of JSON Lines and its number, from 1. */
export interface Line {
  number: number;
  text: string;
}

/** The maximum number of lines per batch. */
const maxLines = 1_000;

/**
 * Splits bytes into lines, in batches of what has arrived: a line is never delayed to fill a batch. The last line
 * needs no line feed; blank lines are skipped.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder();
  let pending: string[] = [];
  let number = 0;

  const linesOf = (texts: string[]) => {
    const lines: Line[] = [];
    for (const text of texts) {
      number++;
      if (text.trim() !== "") lines.push({ number, text });
    }
    return lines;
  };

  for await (const chunk of bytes) {
    const [first, ...rest] = decoder.decode(chunk, { stream: true }).split("\n") as [string, ...string[]];
    pending.push(first);
    if (rest.length === 0) continue;
    const unfinished = rest.pop()!;
    yield* inBatches(linesOf([pending.join(""), ...rest]));
    pending = [unfinished];
  }
  pending.push(decoder.decode());
  yield* inBatches(linesOf([pending.join("")]));
}

function* inBatches(lines: Line[]) {
  for (let start = 0; start < lines.length; start += maxLines) yield lines.slice(start, start + maxLines);
}

/** The line's JSON value, or undefined (which is not a JSON value) if it is not JSON. */
export function parseLine({ text }: Line): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Encodes values as JSON Lines, each terminated by a line feed. */
export const toLines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
