/**
 * `bun stack/run.ts PROGRAM [ARGUMENT]...`: runs a program of the project in place of this process. On a secure stack it
 * gets what it needs to log in, and in a cluster the addresses of the nodes, unless the settings name other servers.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Principal } from "../operations/access/principals.ts";
import { stackFolder, usesOnlyStack } from "../operations/native-stack.ts";
import { salvageConfig } from "../sources/config.ts";
import { become } from "./become.ts";
import { issueCertificates } from "./certificates.ts";
import { environmentOf } from "./environment.ts";
import { clusterMarker, openInstance, project, secureMarker } from "./instance.ts";

const entries = {
  api: "api/main.ts",
  console: "console/main.ts",
  consumer: "consumer/main.ts",
  operate: "operate/main.ts",
} as const;

const [program, ...args] = process.argv.slice(2) as [keyof typeof entries, ...string[]];
const isSpecial = [secureMarker, clusterMarker].some((marker) => existsSync(marker({ folder: stackFolder() })));
const access = isSpecial && usesOnlyStack(salvageConfig().config) ? await accessFor(program) : undefined;
become([process.execPath, join(project, entries[program]), ...args], { ...process.env, ...access });

async function accessFor(principal: Principal) {
  const instance = await openInstance();
  await issueCertificates(instance, { mayRenew: false }, new AbortController().signal); // it may never have been started
  const access = environmentOf(instance, principal);
  const added = Object.keys(access).filter((name) => !process.env[name]);
  return { ...access, SET_BY_STACK: added.join(",") };
}
