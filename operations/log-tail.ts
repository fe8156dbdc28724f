import { existsSync } from "node:fs";

/** The last lines of a file, from its last bytes; none if it does not exist. */
export async function tailOf(file: string, lines = 15, lastBytes = 16 * 1024): Promise<string[]> {
  if (!existsSync(file)) return [];
  const whole = Bun.file(file);
  const text = await whole.slice(Math.max(0, whole.size - lastBytes)).text();
  return text.trimEnd().split("\n").slice(-lines);
}
