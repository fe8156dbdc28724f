import { expect, test } from "bun:test";
import type { Clients } from "./clients.ts";
import { curesOf } from "./cures.ts";
import { examine } from "./examine.ts";
import type { Check, Finding, Service } from "./finding.ts";

const noClients = { cures: curesOf({ connect: 8083, schemaRegistry: 8081 }, "native") } as Clients;
const patience = { withinMs: 1_000 };
const needs = (service: Service): Service[] => (service === "Kafka Connect" ? ["Kafka"] : []);

const finding = (about: string, more: Partial<Finding> = {}): Finding => ({
  severity: "error",
  about,
  cause: "it is broken",
  cure: "Fix it",
  ...more,
});
const check = (of: Service[], ...findings: Finding[]): Check => ({ what: "it", of, look: () => findings });
const failing = (of: Service[], why: string): Check => ({
  what: "the topics",
  of,
  look: () => Promise.reject(new Error(why)),
});

const namesOf = async (...checks: Check[]) =>
  (await examine(checks, noClients, patience, needs)).map(({ severity, about }) => `${severity} ${about}`);

test("errors come before warnings, and otherwise the order of the checks stays", async () => {
  const checks = [
    check([], finding("memory", { severity: "warning" })),
    check([], finding("port 9092")),
    check(["Kafka"], finding("a topic", { severity: "warning" }), finding("a partition")),
  ];
  expect(await namesOf(...checks)).toEqual([
    "error port 9092",
    "error a partition",
    "warning memory",
    "warning a topic",
  ]);
});

test("a service that does not work is named once: its other checks, and those of services that need it, are left out", async () => {
  const checks = [
    check(["Kafka"], finding("Kafka", { explains: ["Kafka"] })),
    check(["Kafka Connect"], finding("the connector")),
    failing(["Kafka"], "Connection refused"),
    check(["Cassandra", "Kafka"], finding("rows that have not arrived")),
    check(["Cassandra"], finding("the index")),
  ];
  expect(await namesOf(...checks)).toEqual(["error Kafka", "error the index"]);
});

test("a check that throws is a finding about its service, once for all of its checks", async () => {
  const found = await examine([failing(["Kafka"], "no leader"), failing(["Kafka"], "no leader")], noClients, patience);
  expect(found).toMatchObject([
    {
      severity: "error",
      about: "Kafka",
      cause: "could not look at the topics: no leader",
      cure: "See its log: `bun run logs kafka`",
    },
  ]);
});

test("a check that throws at once, before its first await, is a finding too", async () => {
  const check: Check = {
    what: "the disk",
    of: [],
    look: () => {
      throw new Error("no such folder");
    },
  };
  const found = await examine([check], noClients, patience);
  expect(found).toMatchObject([{ about: "this machine", cause: "could not look at the disk: no such folder" }]);
});

test("a check that hangs is a finding after the time limit, and stops nothing else", async () => {
  const hanging: Check = { what: "the slots", of: ["PostgreSQL"], look: () => new Promise(() => {}) };
  const checks = [hanging, check(["Kafka"], finding("a topic"))];
  const since = performance.now();
  const found = await examine(checks, noClients, { withinMs: 100 });
  expect(performance.now() - since).toBeLessThan(5_000);
  expect(found.map(({ about, cause }) => `${about}: ${cause}`)).toEqual([
    "PostgreSQL: no answer within 0.1 s when asked about the slots",
    "a topic: it is broken",
  ]);
  const quick = await examine(checks, noClients, { withinMs: 100, skipsLate: true });
  expect(quick.map(({ about }) => about)).toEqual(["a topic"]);
});

test("the same finding of two checks is listed once", async () => {
  expect(await namesOf(check([], finding("a table")), check([], finding("a table")))).toEqual(["error a table"]);
});
