import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const project = resolve(import.meta.dir, "../..");
const biome = join(project, "node_modules", "@biomejs", "biome", "bin", "biome");
const folder = mkdtempSync(join(tmpdir(), "import-directions-"));
for (const name of ["biome.json", ".gitignore"]) cpSync(join(project, name), join(folder, name));
afterAll(() => rmSync(folder, { recursive: true }));

/** The output of the project's linter for a file with one import. */
function lint(file: string, specifier: string): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import { planted } from "${specifier}";\n\nexport const value = planted;\n`);
  const argv = [biome, "lint", "--colors=off", "--only=style/noRestrictedImports", path];
  const { stdout, stderr } = Bun.spawnSync([process.execPath, ...argv], { cwd: folder });
  return `${stdout}${stderr}`;
}

test.each([
  ["contract/planted.ts", "../runtime/config.ts", "The contract imports no other folder"],
  ["contract/deeper/planted.ts", "../../runtime/config.ts", "The contract imports no other folder"],
  ["contract/planted.ts", "node:fs", "does no I/O"],
  ["runtime/planted.ts", "../sources/catalogue.ts", "The runtime imports only the contract"],
  ["runtime/deeper/planted.ts", "../../api/app.ts", "The runtime imports only the contract"],
  ["sources/embedded/planted.ts", "../../stream/change.ts", "Sources import only"],
  ["stream/planted.ts", "../operations/lag.ts", "The stream imports only"],
  ["operations/planted.ts", "../sources/catalogue.ts", "Operations import only"],
  ["operate/planted.ts", "../consumer/main.ts", "do not import each other"],
  ["tasks/planted.ts", "../consumer/sift.ts", "do not import each other"],
  ["consumer/deeper/planted.ts", "../../tasks/task.ts", "do not import each other"],
  ["api/users/planted.ts", "../../consumer/sift.ts", "do not import each other"],
  ["stack/planted.ts", "../bench/corpus.ts", "do not import each other"],
])("%s may not import %s", (file, specifier, message) => {
  expect(lint(file, specifier)).toContain(message);
});

test("an import in the right direction passes", () => {
  expect(lint("api/users/planted.ts", "../../runtime/config.ts")).toContain("No fixes applied");
});
