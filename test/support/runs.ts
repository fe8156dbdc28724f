import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { User } from "../../contract/user.ts";
import type { Airflow } from "../../operations/airflow.ts";

/** The folder of a DAG run, taken from the output path of its first task. */
export async function runFolder(airflow: Airflow, runId: string): Promise<string> {
  const { output } = await airflow.countsOf(runId, "fetch");
  if (output === undefined) throw new Error(`the counts of fetch in the run ${runId} have no output`);
  return dirname(output);
}

/** The SHA-256 digests of the files of a run. */
export function digestsOf(folder: string): Record<string, string> {
  const files = readdirSync(folder).sort();
  return Object.fromEntries(
    files.map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(folder, file)))
        .digest("hex"),
    ]),
  );
}

/** The users of a stage file by id. */
export function usersOf(file: string): Map<string, User> {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return new Map(lines.map((line) => User.parse(JSON.parse(line))).map((user) => [user.id, user]));
}
