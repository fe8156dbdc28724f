import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { resolveSettings } from "../runtime/config.ts";
import { clusterFolder, clusterWanted, stackFolder, usesOnlyStack, usesStack } from "./native-stack.ts";

const folder = mkdtempSync(join(tmpdir(), "native-stack-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("commands act on the cluster while it is wanted, whichever of the two folders they are given", () => {
  expect(stackFolder({ STACK_DIR: folder })).toBe(folder);
  mkdirSync(dirname(clusterWanted(folder)), { recursive: true });
  writeFileSync(clusterWanted(folder), "");
  expect(stackFolder({ STACK_DIR: folder })).toBe(clusterFolder(folder));
  expect(stackFolder({ STACK_DIR: clusterFolder(folder) })).toBe(clusterFolder(folder));
});

test("the nodes of the cluster are the stack's own servers, and others on the same ports are not", () => {
  const configOf = (...hosts: string[]) => {
    const env = {
      KAFKA_BROKERS: hosts.map((host) => `${host}:9092`).join(","),
      CASSANDRA_CONTACT_POINTS: hosts.map((host) => `${host}:9042`).join(","),
    };
    return resolveSettings({}, "", env, "config.yaml");
  };
  expect(usesOnlyStack(configOf("127.0.0.11", "127.0.0.12", "127.0.0.13"))).toBe(true);
  expect(usesOnlyStack(configOf("127.0.0.11", "127.0.0.14"))).toBe(false);
  expect(usesStack(configOf("127.0.0.11", "127.0.0.14"))).toBe(true);
});
