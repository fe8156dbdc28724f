import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { type Forgotten, forgottenBy } from "../../stream/forgotten/forgotten.ts";
import { runsFolder } from "../native-stack.ts";

/** The list of forgotten users beside the folders of the runs: a hash a line. `fetch` leaves these out. */
const nameOfList = "forgotten.txt";

export async function readForgottenFile(folder = runsFolder()): Promise<Forgotten> {
  const file = folder === undefined ? undefined : join(folder, nameOfList);
  const text = file !== undefined && existsSync(file) ? await Bun.file(file).text() : "";
  return forgottenBy(new Set(text.split("\n").filter(Boolean)));
}

/** Replaces the list as a whole. */
export async function writeForgottenFile(folder: string, hashes: Iterable<string>): Promise<void> {
  const file = join(folder, nameOfList);
  await Bun.write(`${file}.new`, [...hashes].sort().join("\n").concat("\n"));
  await rename(`${file}.new`, file);
}
