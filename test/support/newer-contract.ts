import { openProjectCopy, type ProjectCopy } from "./project-copy.ts";

/** A copy of the project whose contract has one more field: a user's nationality, which randomuser gives. */
export async function openNewerContract(): Promise<ProjectCopy> {
  const copy = openProjectCopy();
  copy.edit(
    "contract/user.ts",
    "    timestamp: time().meta({",
    '    nationality: anyText(2).nullable().meta({ description: "Two-letter code.", example: "IE" }),\n    timestamp: time().meta({',
  );
  const source = "sources/randomuser.ts";
  copy.edit(source, "  record: z.object({\n", "  record: z.object({\n    nat: z.string(),\n");
  copy.edit(source, "toUser: ({ gender,", "toUser: ({ nat, gender,");
  copy.edit(source, "    id: login.uuid,\n", "    id: login.uuid,\n    nationality: nat,\n");
  const { code, stderr } = await copy.bun(["script/generate.ts"]);
  if (code !== 0) throw new Error(`the copy's contract cannot be generated: ${stderr}`);
  return copy;
}
