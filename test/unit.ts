/** `bun run test:unit`: the tests that need no service. Further arguments go to `bun test`. */
import { project } from "../stack/instance.ts";
import { timeoutFlag } from "./support/run-tests.ts";
import { unitFolders } from "./support/test-files.ts";

const folders = unitFolders().map((folder) => `./${folder}/`);
const argv = [process.execPath, "--no-env-file", "test", timeoutFlag, ...folders, ...process.argv.slice(2)];
const tests = Bun.spawn(argv, {
  cwd: project,
  stdio: ["ignore", "inherit", "inherit"],
});
process.exit(await tests.exited);
