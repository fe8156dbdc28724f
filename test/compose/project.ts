import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { project } from "../../stack/instance.ts";
import { freePort } from "../support/free-port.ts";

/** A Compose project of the test's own, with names and ports that do not conflict with a running platform. */
export interface ComposeProject {
  /** The settings in `.env.example`, with free ports; on a secure platform with passwords and tokens of its own. */
  env: Record<string, string>;
  /** On a secure platform, the folder with a copy of the operator's certificates and logins. */
  access?: string;
  /** Copies the certificates and logins of a service's container. @returns their folder */
  copyAccess: (service: string) => Promise<string>;
  /** `docker compose ARGS…`; resolves with stdout. @throws with the last lines of the output if it fails */
  compose: (...args: string[]) => Promise<string>;
  /** An operator's command in a container; resolves with what it prints for programs, and its exit code. */
  operate: <Report>(...args: string[]) => Promise<Report & { code: number }>;
  /** The remaining containers, volumes and networks of the project. */
  remains: () => Promise<string[]>;
  close: () => void;
}

export const projectName = "user-automation-test";

const tokens = ["API_TOKEN", "CONSOLE_TOKEN"];

/** Opens the project with these compose files. */
export async function openProject(files: string[]): Promise<ComposeProject> {
  const folder = mkdtempSync(join(tmpdir(), `${projectName}-`));
  const example = await Bun.file(join(project, ".env.example")).text();
  const moved = [...example.matchAll(/^#(\w+_PORT)=/gm)].map(([, name]) => [name ?? "", String(freePort())]);
  const set = [...example.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name ?? "", value ?? ""]);
  const isSecure = files.includes("docker-compose.secure.yml");
  const secrets = [...set.map(([name = ""]) => name).filter((name) => name.endsWith("_PASSWORD")), ...tokens].map(
    (name) => [name, randomBytes(16).toString("hex")],
  );
  const env = Object.fromEntries([...set, ...moved, ...(isSecure ? secrets : [])]);
  const envFile = join(folder, "env");
  writeFileSync(
    envFile,
    `${Object.entries(env)
      .map((entry) => entry.join("="))
      .join("\n")}\n`,
  );

  const prefix = ["compose", "--project-name", projectName, "--env-file", envFile, ...files.flatMap((f) => ["-f", f])];
  return {
    env,
    ...(isSecure && { access: join(folder, "console") }),
    compose: (...args) => docker(...prefix, ...args),
    async copyAccess(service) {
      await docker(...prefix, "cp", `${service}:/run/access`, join(folder, service));
      return join(folder, service);
    },
    async operate<Report>(...args: string[]) {
      const outcome = await run(...prefix, "run", "--rm", "--no-TTY", "operate", ...args, "--json");
      if (!outcome.stdout.startsWith("{")) throw failure(outcome);
      return { ...(JSON.parse(outcome.stdout) as Report), code: outcome.code };
    },
    async remains() {
      const label = `label=com.docker.compose.project=${projectName}`;
      const found = await Promise.all([
        docker("ps", "--all", "--quiet", "--filter", label),
        docker("volume", "ls", "--quiet", "--filter", label),
        docker("network", "ls", "--quiet", "--filter", label),
      ]);
      return found.join("\n").split("\n").filter(Boolean);
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** `docker ARGS…` in the project's folder; resolves with stdout. @throws with the last lines of the output if it fails */
export async function docker(...args: string[]): Promise<string> {
  const outcome = await run(...args);
  if (outcome.code !== 0) throw failure(outcome);
  return outcome.stdout;
}

async function run(...args: string[]) {
  const command = Bun.spawn(["docker", ...args], { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, code] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
    command.exited,
  ]);
  return { args, stdout, stderr, code };
}

function failure({ args, stdout, stderr, code }: Awaited<ReturnType<typeof run>>): Error {
  const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-25).join("\n");
  return new Error(`docker ${args.join(" ")} ended with exit code ${code}:\n${tail}`);
}

/** Whether an image is a stand-in, built on a machine without access to an image registry. */
export async function isStandIn(image: string): Promise<boolean> {
  const labels = await docker("image", "inspect", "--format", "{{json .Config.Labels}}", image).catch(() => "null");
  return "standin" in (JSON.parse(labels) ?? {});
}
