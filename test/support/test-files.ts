import { readdirSync } from "node:fs";
import { relative } from "node:path";
import { project } from "../../stack/instance.ts";

/** The folders of test/ whose tests need no service; all others in test/ do. */
const withoutServices = ["test/support", "test/compose"];

/** Whether a test file talks to services, and so needs a stack. */
export function isServiceTest(path: string): boolean {
  const file = relative(project, path);
  return file.startsWith("test/") && !withoutServices.some((folder) => file.startsWith(`${folder}/`));
}

/** Where unit tests are: beside the code, and what test/ has of them. Relative to the project. */
export function unitFolders(): string[] {
  const folders = readdirSync(project, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = folders.map(({ name }) => name).filter((name) => !/^\.|^(node_modules|dist|test)$/.test(name));
  return [...own, ...withoutServices];
}
