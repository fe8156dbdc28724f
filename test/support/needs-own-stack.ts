/**
 * Preloaded for all tests (bunfig.toml): a service test without a stack of its own fails before any of its code runs,
 * because it would otherwise use the addresses of a stack in use.
 */
import { relative } from "node:path";
import { plugin } from "bun";
import { project } from "../../stack/instance.ts";
import { isServiceTest } from "./test-files.ts";

if (process.env.STACK_FOR_TESTS !== "1")
  plugin({
    name: "service tests need a stack of their own",
    setup(build) {
      build.onLoad({ filter: /\.test\.ts$/ }, async ({ path }) => ({
        loader: "ts",
        contents: isServiceTest(path) ? refusal(relative(project, path)) : await Bun.file(path).text(),
      }));
    },
  });

/** The code that replaces the test file. */
function refusal(file: string): string {
  const reason = `${file} needs a stack of its own: run it with \`bun run test ${file}\``;
  return `
    import { test } from "bun:test";
    test("runs on a stack of its own", () => { throw ${JSON.stringify(reason)}; });
  `;
}
