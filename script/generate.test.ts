import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openProjectCopy, type ProjectCopy } from "../test/support/project-copy.ts";

let copy: ProjectCopy;
beforeEach(() => {
  copy = openProjectCopy();
});
afterEach(() => copy.close());

const beforeTime = "    timestamp: time().meta({";
const nationality = 'nationality: anyText(2).nullable().meta({ description: "Two letters.", example: "ie" }),';
const add = (field: string) => copy.edit("contract/user.ts", beforeTime, `    ${field}\n${beforeTime}`);
const contract = (...flags: string[]) => copy.bun(["script/generate.ts", ...flags]);
const versions = () => readdirSync(join(copy.folder, "contract/generated/versions")).sort();
const generated = (name: string) => Bun.file(join(copy.folder, "contract/generated", name)).text();

test("a new field is free to change until it is published, and stays from then on", async () => {
  add(nationality);
  expect(await contract("--check")).toMatchObject({ code: 2 });
  const written = await contract();
  expect(written).toMatchObject({ code: 0, stderr: "" });
  expect(written.stdout).toContain("run `bun run contract --publish` before deploying it");
  expect(await contract("--check")).toMatchObject({ code: 0, stderr: "" });
  expect(versions()).toEqual(["users_created.1.avsc", "users_edited.1.avsc"]);

  copy.edit("contract/user.ts", "nationality: anyText(2)", "country: anyText(2)");
  expect(await contract("--publish")).toMatchObject({ code: 0, stderr: "" });
  expect(versions()).toEqual(
    [1, 2].flatMap((version) => ["users_created", "users_edited"].map((topic) => `${topic}.${version}.avsc`)).sort(),
  );
  expect((await contract("--publish")).stdout).toContain("already published");
  expect(versions()).toHaveLength(4);
  expect(await generated("users_created.avsc")).toBe(await generated("versions/users_created.2.avsc"));

  copy.edit("contract/user.ts", "country: anyText(2)", "nation: anyText(2)");
  for (const flags of [["--check"], [], ["--publish"]]) {
    const refused = await contract(...flags);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toStartWith("country: published in users_created.2.avsc, is missing. ");
  }
  expect(await generated("users_created.avsc")).toContain('"country"');
}, 240_000);

test("a field that cannot be mapped is refused by name, without a stack trace, and nothing is written", async () => {
  add('pets: z.array(z.object({ name: z.string() })).nullable().meta({ description: "Pets.", example: [] }),');
  const { code, stdout, stderr } = await contract();
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toStartWith(
    "The contract has fields that cannot be mapped.\npets: the type object is not supported\n",
  );
  expect(stderr).not.toContain("contract/fields.ts");
  expect(await generated("users_created.avsc")).not.toContain('"pets"');
}, 240_000);

test("a nullable field that is not published can be removed", async () => {
  rmSync(join(copy.folder, "contract/generated/versions"), { recursive: true });
  copy.edit(
    "contract/user.ts",
    "    phone: anyText(50)\n      .nullable()\n      .meta({",
    "    telephone: anyText(50)\n      .nullable()\n      .meta({",
  );
  expect(await contract()).toMatchObject({ code: 0, stderr: "" });
  expect(await generated("openapi.json")).not.toContain('"phone"');
}, 240_000);

test("an unknown flag is refused", async () => {
  expect(await contract("--chek")).toMatchObject({ code: 2, stdout: "" });
}, 240_000);
