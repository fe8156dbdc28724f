import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../runtime/config.ts";
import { stackFolder } from "./stack-folder.ts";

/** The URL of PostgreSQL; for the native stack's own server with the password that the stack has generated. */
export function postgresUrl({ postgres, ports }: Pick<Config, "postgres" | "ports">): string {
  const url = new URL(postgres.url);
  const file = join(stackFolder(), "secrets.json");
  if (url.password === "" && url.host === `127.0.0.1:${ports.postgres}` && existsSync(file))
    url.password = (JSON.parse(readFileSync(file, "utf8")) as { postgresUsers: string }).postgresUsers;
  return url.href;
}
