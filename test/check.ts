/** `bun run check`: all checks that need no running service, in parallel. */
import { resolve } from "node:path";
import { installLinters } from "../stack/install/install.ts";

const project = resolve(import.meta.dir, "..");
const composeFiles = ["docker-compose.yml", "docker-compose.zookeeper.yml", "docker-compose.own-servers.yml"];

export interface CheckResult {
  name: string;
  seconds: number;
  passed: boolean;
  output: string;
}

/** Each check has a name and a command. An exit code other than 0 is a failure. */
export async function listChecks(env = process.env): Promise<[name: string, argv: string[]][]> {
  const linter = await installLinters(env);
  // The npm tools run on Bun, because the machine's Node may be too old for them.
  const npm = (name: string) => [process.execPath, "run", "--bun", "--silent", name];
  return [
    ["biome: format, lint, import directions", [...npm("biome"), "ci", "--colors=off", "--error-on-warnings"]],
    ["tsc: types", [...npm("tsc"), "--noEmit"]],
    ["knip: nothing unused", npm("knip")],
    ["contract: generated files up to date", [process.execPath, "script/generate.ts", "--check"]],
    ["dclint: compose files", [...npm("dclint"), "--max-warnings=0", ...composeFiles]],
    ["hadolint: Dockerfile", [linter("hadolint"), "Dockerfile"]],
    ["docker compose config: every combination of files", [process.execPath, "test/compose/config.ts"]],
    ["kubectl kustomize: manifests, and the types of their fields", [process.execPath, "test/kubernetes/check.ts"]],
    ["ruff: lint", [linter("ruff"), "check", "--quiet", "."]],
    ["ruff: format", [linter("ruff"), "format", "--check", "--quiet", "."]],
  ];
}

/** Runs every check, prints a line for each as it ends, and the output of those that fail. */
export async function runChecks(): Promise<CheckResult[]> {
  const checks = await listChecks();
  return Promise.all(
    checks.map(async ([name, argv]) => {
      const begin = performance.now();
      const command = Bun.spawn(argv, { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
      const [stdout, stderr, exitCode] = await Promise.all([
        new Response(command.stdout).text(),
        new Response(command.stderr).text(),
        command.exited,
      ]);
      const result = {
        name,
        seconds: (performance.now() - begin) / 1_000,
        passed: exitCode === 0,
        output: `${stdout}${stderr}`.trim(),
      };
      console.log(`${result.passed ? "pass" : "FAIL"}  ${result.seconds.toFixed(1).padStart(5)} s  ${name}`);
      if (!result.passed) console.log(result.output || `(exit code ${exitCode}, no output: ${argv.join(" ")})`);
      return result;
    }),
  );
}

if (import.meta.main) {
  const results = await runChecks();
  process.exit(results.every(({ passed }) => passed) ? 0 : 1);
}
