/**
 * `bun stack/run.ts PROGRAM [ARGUMENT]...`: runs a program of the project in place of this process. On a secure stack it
 * gets what it needs to log in, unless the settings name other servers.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stackFolder, usesOnlyStack } from "../operations/native-stack.ts";
import { salvageConfig } from "../sources/config.ts";
import { become } from "./become.ts";
import { issueCertificates } from "./certificates.ts";
import { environmentOf } from "./environment.ts";
import { openInstance, project, secureMarker } from "./instance.ts";
import type { Principal } from "./principals.ts";

const entries = {
  api: "api/main.ts",
  console: "console/main.ts",
  consumer: "consumer/main.ts",
  operate: "operate/main.ts",
} as const;

const [program, ...args] = process.argv.slice(2) as [keyof typeof entries, ...string[]];
const isSecure = existsSync(secureMarker({ folder: stackFolder() }));
const logins = isSecure && usesOnlyStack(salvageConfig().config) ? await logInAs(program) : undefined;
become([process.execPath, join(project, entries[program]), ...args], { ...process.env, ...logins });

async function logInAs(principal: Principal) {
  const instance = await openInstance();
  await issueCertificates(instance, { mayRenew: false }, new AbortController().signal); // it may never have been started
  const logins = environmentOf(instance, principal);
  const added = Object.keys(logins).filter((name) => !process.env[name]);
  return { ...logins, SET_BY_STACK: added.join(",") };
}
