import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../runtime/config.ts";
import type { SettingInfo } from "../../runtime/setting.ts";
import { postgresUrl, project, stackFolder, usesStack } from "../native-stack.ts";
import type { Subject } from "./doctor.ts";

interface Given {
  /** The settings; if they are wrong, as far as they are right. */
  config: Config & { file: string };
  /** What is wrong with them. */
  faults: string[];
  /** The embedded source's address, if users come from it. */
  sourceUrl?: string;
  /** Every setting there is. */
  settings: readonly SettingInfo[];
  env: Record<string, string | undefined>;
}

/** What the settings name. */
export function subjectOf({ config, faults, sourceUrl, settings, env }: Given): Subject {
  const stack = usesStack(config) ? { folder: stackFolder(env), project, settings } : undefined;
  const file = [".env", ...(stack ? [join(project, ".env")] : [])].find((path) => existsSync(path));
  const dotEnv = file === undefined ? undefined : readFileSync(file, "utf8");
  return {
    config,
    env,
    postgresUrl: postgresUrl(config, env),
    ...(sourceUrl && { sourceUrl }),
    isNative: stack !== undefined,
    stack,
    given: { settings, file: config.file, faults, env, dotEnv },
  };
}
