import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { project } from "../../stack/instance.ts";

const documents = [
  ...new Bun.Glob("*.md").scanSync({ cwd: project }),
  ...new Bun.Glob("docs/**/*.md").scanSync({ cwd: project }),
];
const read = (path: string) => readFileSync(path, "utf8");

/** The anchors of a document's headings, as hosts of repositories make them. */
const anchorsOf = (text: string) =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );

test.each(documents)("every relative link of %s leads somewhere", (document) => {
  const text = read(join(project, document));
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  const broken = targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? join(project, document) : join(project, dirname(document), path);
    return !existsSync(file) || (anchor !== undefined && !anchorsOf(read(file)).has(anchor));
  });
  expect(broken).toEqual([]);
});
