import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SettingInfo } from "../../runtime/setting.ts";
import type { Finding } from "./finding.ts";

/** What the stack keeps in its folder that nobody else may read, and what that is. */
const kept: [path: string, what: string][] = [
  ["secrets.json", "every password of the stack"],
  ["run", "programs with their passwords"],
  ["data/airflow/passwords.json", "Airflow's password"],
  ["certificates", "the keys of the stack's certificates"],
  ["data", "the services' data"],
  ["runs", "users' data"],
  ["logs", "the programs' logs"],
];

/** Files of the stack, and a .env with a secret, that other accounts of this machine can read. */
export function secretFindings(folder: string, dotEnv: string, settings: readonly SettingInfo[]): Finding[] {
  const files = kept.map(([path, what]) => ({ path: join(folder, path), what }));
  const secret = existsSync(dotEnv) ? secretIn(readFileSync(dotEnv, "utf8"), settings) : undefined;
  if (secret !== undefined) files.push({ path: dotEnv, what: secret });
  return files
    .filter(({ path }) => isOpen(path))
    .map(({ path, what }) => ({
      severity: "error",
      about: path,
      cause: `every account of this machine can read it, and it holds ${what}`,
      cure: `Run \`chmod -R go= ${path}\``,
    }));
}

/**
 * Files with a secret that the settings name, in a variable such as API_TOKEN_FILE or as a private key, and that other
 * accounts can read. What a container has in /run/secrets is its own.
 */
export function secretFileFindings(
  settings: readonly SettingInfo[],
  config: object,
  env: Record<string, string | undefined>,
): Finding[] {
  const keys = settings.filter(
    ({ isFile, path }) => isFile && /^(keyFile|secureConnectBundle)$/.test(path.at(-1) ?? ""),
  );
  const files = [
    ...settings.filter(({ secret }) => secret).map(({ env: name, path }) => [env[`${name}_FILE`], path] as const),
    ...keys.map(({ path }) => [valueAt(config, path), path] as const),
  ];
  return files.flatMap(([file, path]) => {
    if (!file || file.startsWith("/run/secrets/") || !isOpen(file)) return [];
    return [
      {
        severity: "warning" as const,
        about: file,
        cause: `every account of this machine can read it, and it holds a secret, ${path.join(".")}`,
        cure: `Run \`chmod go= ${file}\``,
      },
    ];
  });
}

const valueAt = (config: object, path: string[]): string | undefined =>
  path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], config) as
    | string
    | undefined;

/** The name of the first variable with a secret in the text of .env. */
function secretIn(dotEnv: string, settings: readonly SettingInfo[]): string | undefined {
  const secrets = new Set(settings.filter((setting) => setting.secret).map((setting) => setting.env));
  for (const line of dotEnv.split("\n")) {
    const [, name = "", value = ""] = /^\s*(?:export\s+)?(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
    const isSecret =
      secrets.has(name) || /(PASSWORD|SECRET|TOKEN|_KEY)$/.test(name) || /:\/\/[^/@\s]*:[^/@\s]+@/.test(value);
    if (isSecret && value.trim() !== "") return name;
  }
  return undefined;
}

/** Whether an account that is neither the owner nor in the group can read a file, or look into a folder. */
function isOpen(path: string): boolean {
  if (!existsSync(path)) return false;
  const status = statSync(path);
  return (status.mode & (status.isDirectory() ? 0o005 : 0o004)) !== 0 && isReachable(dirname(path));
}

function isReachable(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false;
  return folder === dirname(folder) || isReachable(dirname(folder));
}
