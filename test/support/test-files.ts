import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { project } from "../../stack/instance.ts";

/** The folders in test/ whose tests need no service; all other tests in test/ do. */
const withoutServices = ["test/support", "test/compose", "test/kubernetes"];

/** Whether a test file uses services, and so needs a stack. */
export function isServiceTest(path: string): boolean {
  const file = relative(project, path);
  return file.startsWith("test/") && !withoutServices.some((folder) => file.startsWith(`${folder}/`));
}

/** The files of all service tests, relative to the project. */
export function serviceTests(): string[] {
  const files = [...new Bun.Glob("test/**/*.test.ts").scanSync({ cwd: project })];
  return files.filter((file) => isServiceTest(join(project, file))).sort();
}

/**
 * What may run while a service test does:
 * - on its own stack: anything, because it uses no service of the stack that the others share;
 * - alone: nothing that uses the same stack, because it stops or damages a service that other tests use;
 * - in turn: only files beside others, because it uses what the stack has only one of: its DAGs, its consumer, its
 *   topics and tables, its connector, its Spark cluster;
 * - beside others: any that does not run alone, because it has names of its own (`namesOf`).
 */
export type Company = "on its own stack" | "alone" | "in turn" | "beside others";

/** What the file says near its beginning, as in `// Runs alone: it stops Kafka.`; beside others if it says nothing. */
export function companyOf(file: string): Company {
  const [, company] =
    /^\/\/ Runs (on its own stack|alone|in turn): /m.exec(readFileSync(join(project, file), "utf8")) ?? [];
  return (company as Company | undefined) ?? "beside others";
}

/** The folders with unit tests: those with code, and some in test/. Relative to the project. */
export function unitFolders(): string[] {
  const folders = readdirSync(project, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = folders.map(({ name }) => name).filter((name) => !/^\.|^(node_modules|dist|test)$/.test(name));
  return [...own, ...withoutServices];
}
