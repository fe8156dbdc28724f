/** A fifth task, added in a copy of the project: a file, and its line in list.ts. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openProjectCopy } from "../test/support/project-copy.ts";

setDefaultTimeout(240_000);
const copy = openProjectCopy();
afterAll(copy.close);

const names = ["fetch", "format", "audit", "backup", "produce"];

beforeAll(() => {
  writeFileSync(
    join(copy.folder, "tasks/audit.ts"),
    `import { z } from "zod";
import { inputFlag, inputOption, type Task } from "./task.ts";

const options = z.object(inputOption);

/** users.jsonl -> users.jsonl. */
export const audit: Task<z.infer<typeof options>> = {
  name: "audit",
  usage: "usage: audit [--input FILE]\\n",
  flags: inputFlag,
  options,
  async work({ lines, write }, { input }) {
    for await (const batch of lines(input)) await write(batch.map(({ text }) => JSON.parse(text)));
    return {};
  },
};
`,
  );
  const audit = '["audit", async () => (await import("./audit.ts")).audit],';
  copy.edit("tasks/list.ts", '  ["backup",', `  ${audit}\n  ["backup",`);
});

test("is in the build under its own name, and a former task's name is removed", async () => {
  mkdirSync(join(copy.folder, "dist/tasks"), { recursive: true });
  writeFileSync(join(copy.folder, "dist/tasks/former"), "");
  expect(await copy.bun(["tasks/build.ts"])).toMatchObject({ code: 0 });
  const built = readdirSync(join(copy.folder, "dist/tasks")).filter((name) => !name.startsWith("."));
  expect(built.sort()).toEqual([...names, "operate"].sort());
  const help = Bun.spawnSync([join(copy.folder, "dist/tasks/audit"), "--help"]);
  expect([help.exitCode, help.stdout.toString()]).toEqual([0, "usage: audit [--input FILE]\n"]);
});

test("is in the container images, whose Dockerfile asks the binary", () => {
  const [links = ""] = readFileSync(join(copy.folder, "Dockerfile"), "utf8").match(/tasks=\$\(.*?; done/s) ?? [];
  const bin = join(copy.folder, "bin");
  mkdirSync(bin);
  const program = `#!/bin/sh\nexec ${process.execPath} ${copy.folder}/script/programs.ts "$@"\n`;
  writeFileSync(join(bin, "programs"), program, { mode: 0o755 });
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-ec", links.replaceAll("/out/bin", bin)]);
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  expect(readdirSync(bin).sort()).toEqual([...names, "operate", "programs"].sort());
});

test("must be in the DAG too, in the same place", async () => {
  const agreement = () => copy.bun(["test", "test/compose/agreement.test.ts", "-t", "the DAG has"]);
  const forgotten = await agreement();
  expect(forgotten.code).toBe(1);
  expect(forgotten.stderr).toContain('"audit"');

  const dag = "dags/user_automation.py";
  const definition = `    audit = task(
        "audit",
        '--input "$RUNS_DIR/$RUN/users.jsonl" --output "$RUNS_DIR/$RUN/audited.jsonl"',
        minutes=10,
        doc_md="Reads the users.",
    )
`;
  copy.edit(dag, "    backup = task(\n", `${definition}    backup = task(\n`);
  copy.edit(dag, 'description="fetch >> format >>', 'description="fetch >> format >> audit >>');
  expect((await agreement()).code).toBe(1); // it is not in the chain
  copy.edit(dag, "    fetch >> format_ >>", "    fetch >> format_ >> audit >>");
  expect(await agreement()).toMatchObject({ code: 0 });
});
