import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { project } from "../../stack/instance.ts";
import { openProjectCopy } from "./project-copy.ts";

const copy = openProjectCopy();
afterAll(copy.close);

test("a changed contract changes the copy's generated files, not the project's", async () => {
  copy.edit(
    "contract/user.ts",
    "    timestamp: time().meta({",
    '    nationality: anyText(2).nullable().meta({ description: "Two-letter code.", example: "ie" }),\n    timestamp: time().meta({',
  );
  const { code, stdout, stderr } = await copy.bun(["script/generate.ts", "--publish"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Roll out in this order:");
  for (const file of ["created_users.sql", "change_capture.sql"])
    expect(await Bun.file(join(copy.folder, "contract/generated", file)).text()).toContain(
      "ADD COLUMN IF NOT EXISTS nationality text",
    );
  expect(await Bun.file(join(copy.folder, "contract/generated/created_users.cql")).text()).toContain(
    "ADD IF NOT EXISTS nationality text;",
  );
  const generated = "contract/generated/users_created.avsc";
  expect(await Bun.file(join(copy.folder, generated)).text()).toContain('"nationality"');
  expect(await Bun.file(join(project, generated)).text()).not.toContain('"nationality"');
});

test("an edit must match exactly once", () => {
  expect(() => copy.edit("contract/user.ts", "no such text", "")).toThrow("0 occurrences");
});
