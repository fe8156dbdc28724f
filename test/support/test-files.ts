import { readdirSync } from "node:fs";
import { relative } from "node:path";
import { project } from "../../stack/instance.ts";

/** The folders in test/ whose tests need no service; all other tests in test/ do. */
const withoutServices = ["test/support", "test/compose"];

/** Whether a test file uses services, and so needs a stack. */
export function isServiceTest(path: string): boolean {
  const file = relative(project, path);
  return file.startsWith("test/") && !withoutServices.some((folder) => file.startsWith(`${folder}/`));
}

/** The folders with unit tests: those with code, and some in test/. Relative to the project. */
export function unitFolders(): string[] {
  const folders = readdirSync(project, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = folders.map(({ name }) => name).filter((name) => !/^\.|^(node_modules|dist|test)$/.test(name));
  return [...own, ...withoutServices];
}
