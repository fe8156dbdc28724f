import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { User } from "../../contract/user.ts";

/** The folder of a DAG run, as dags/user_automation.py names it. */
export function runFolder(runId: string, env = process.env): string {
  const readable = runId.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 100);
  const own = createHash("sha256").update(runId).digest("hex").slice(0, 8);
  return join(env.RUNS_DIR ?? "", `${readable}-${own}`);
}

/** The files that a run left, each with the digest of its bytes. */
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
