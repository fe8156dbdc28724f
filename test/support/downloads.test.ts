import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../../stack/instance.ts";

const read = (file: string) => readFileSync(join(project, file), "utf8");
const filesOf = (pattern: string) => [...new Bun.Glob(pattern).scanSync({ cwd: project })].sort();

/** Commands that fetch something, up to the end of the command. */
const fetches =
  /\b(?:curl|wget|npx|git clone|ADD https?:|(?:apt|apt-get|npm|bun|bunx|pip|pip3|uv|go|cargo) (?:install|add|x|pip|ci|i)\b)[^&;|]*/g;

/** The downloads of a Dockerfile that no hash pins. */
function unpinned(dockerfile: string): string[] {
  const text = dockerfile.replaceAll(/^#.*$/gm, "").replaceAll("\\\n", " ");
  const lines = text.split("\n").filter((line) => /^(?:RUN|ADD)\b/.test(line));
  return lines
    .flatMap((line) => line.match(fetches) ?? [])
    .filter((command) => !/--require-hashes|--frozen-lockfile/.test(command));
}

/** The requirements of a lock file of Python packages that have no hash. */
const withoutHash = (lock: string) =>
  lock.split(/^(?=\S)/m).filter((entry) => /^[\w.-]+[ =<>~]/.test(entry) && !/--hash=sha256:[0-9a-f]{64}/.test(entry));

describe("every download is checked against a hash", () => {
  test("of the images", () => {
    expect(unpinned(read("Dockerfile"))).toEqual([]);
    expect(
      unpinned("RUN pip install --no-cache-dir jgo==3.2.0 \\\n && curl -O https://example.com/x.jar\n"),
    ).toHaveLength(2);
    expect(unpinned("RUN apt-get update && apt-get install -y jq\nADD https://example.com/x /x\n")).toHaveLength(2);
  });

  test("of the Python packages, whichever program installs them", () => {
    const locks = filesOf("{stack,spark}/**/*.lock").filter((file) => !file.endsWith("jars.lock"));
    expect(locks.length).toBeGreaterThanOrEqual(5);
    for (const lock of locks) {
      expect([lock, read(lock).match(/^[\w.-]+==/gm)?.length]).toEqual([lock, expect.any(Number)]);
      expect([lock, withoutHash(read(lock))]).toEqual([lock, []]);
    }
    expect(withoutHash("jgo==3.2.0\nuv==0.12.15 \\\n    --hash=sha256:12\n")).toHaveLength(2);
    const calls = read("stack/install/install.py").match(/^ *run\(.*(?:\*pip|"pip").*$/gm) ?? [];
    expect(calls).toHaveLength(3);
    for (const call of calls) expect(call).toContain('"--require-hashes"');
  });

  test("of the files from Maven", () => {
    const bundles = Object.values(JSON.parse(read("stack/install/jars.lock"))) as Record<string, string>[];
    const hashes = bundles.flatMap((files) => Object.values(files));
    expect(hashes.length).toBeGreaterThan(200);
    expect(hashes.filter((hash) => !/^[0-9a-f]{64}$/.test(hash))).toEqual([]);
  });

  test("of the npm packages, none of which may run a script when it is installed", () => {
    const packages =
      read("bun.lock")
        .split('\n  "packages": {\n')[1]
        ?.match(/^ {4}".*$/gm) ?? [];
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter((line) => !/"sha512-[\w+/]+=*"\],$/.test(line))).toEqual([]);
    expect(JSON.parse(read("package.json")).trustedDependencies).toEqual([]);
  });
});
