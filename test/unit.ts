/** `bun run test:unit`: the tests that need no service. Further arguments go to `bun test`. */
import { project } from "../stack/instance.ts";
import { unitFolders } from "./support/test-files.ts";

const folders = unitFolders().map((folder) => `./${folder}/`);
const tests = Bun.spawn([process.execPath, "--no-env-file", "test", ...folders, ...process.argv.slice(2)], {
  cwd: project,
  stdio: ["ignore", "inherit", "inherit"],
});
process.exit(await tests.exited);
