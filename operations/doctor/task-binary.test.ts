import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOfSources, noteBuild } from "../task-binary.ts";
import { taskBinaryFindings } from "./task-binary.ts";

const root = mkdtempSync(join(tmpdir(), "doctor-tasks-"));
afterAll(() => rmSync(root, { recursive: true }));

test("a tasks' binary is missing, incomplete, up to date, and then older than its source", async () => {
  const dist = join(root, "dist", "tasks");
  for (const path of [dist, join(root, "tasks"), join(root, "contract")]) mkdirSync(path, { recursive: true });
  for (const path of ["tasks/build.ts", "contract/user.ts", "bun.lock"]) writeFileSync(join(root, path), "//\n");
  const causes = async () => (await taskBinaryFindings(dist)).map(({ cause }) => cause);
  const isMissing = ["the tasks' binary is missing or incomplete, so every run of the DAG fails"];
  expect(await causes()).toEqual(isMissing);
  await noteBuild(dist, { digest: await digestOfSources(root), tasks: ["fetch", "format"] });
  writeFileSync(join(dist, "fetch"), "");
  expect(await causes()).toEqual(isMissing);
  writeFileSync(join(dist, "format"), "");
  expect(await causes()).toEqual([]);
  writeFileSync(join(root, "contract/user.test.ts"), "// no part of it\n");
  expect(await causes()).toEqual([]);
  appendFileSync(join(root, "contract/user.ts"), "// changed\n");
  expect(await causes()).toEqual(["the tasks' binary is not made from the sources as they are now"]);
});
