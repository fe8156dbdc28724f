import { expect, test } from "bun:test";
import { join } from "node:path";
import { configuredSource, resolveConfig } from "./config.ts";
import { nationalities } from "./randomuser.ts";

const requestOf = (env: Record<string, string>) =>
  configuredSource(resolveConfig("source: randomuser", env)).requestFor;
const requestFor = requestOf({ RANDOMUSER_URL: "https://randomuser.me/api/1.4/" });
const request = { users: 60, page: 1, seed: "manual__2026-01-15T06:00:00+00:00", nationalities: [] };
const seedOf = (seed: string) => new URL(requestFor({ ...request, seed }).url).searchParams.get("seed");

test("one request fetches all users, by seed, from the pinned version", () => {
  expect(requestFor(request).url).toBe(
    "https://randomuser.me/api/1.4/?results=60&seed=manual__2026-01-15T06%3A00%3A00%2B00%3A00",
  );
});

test("nationalities and page are in the URL if requested", () => {
  const url = new URL(requestFor({ ...request, page: 2, nationalities: ["us", "gb"] }).url);
  expect([url.searchParams.get("nat"), url.searchParams.get("page")]).toEqual(["us,gb", "2"]);
});

test("a seed never has 18 characters, which randomuser would search for a nationality", () => {
  expect(seedOf("run-of-18-letters!")).toBe("run-of-18-letters!-");
  expect(seedOf("run-of-17-letters")).toBe("run-of-17-letters");
});

test("without a URL, the embedded source is asked: at its own URL, or else on its port", () => {
  const originOf = (env: Record<string, string>) => new URL(requestOf(env)(request).url).origin;
  expect(originOf({})).toBe("http://127.0.0.1:3001");
  expect(originOf({ SOURCE_PORT: "3002" })).toBe("http://127.0.0.1:3002");
  expect(originOf({ SOURCE_PORT: "3002", EMBEDDED_SOURCE_URL: "http://source:3001/api/1.4/" })).toBe(
    "http://source:3001",
  );
});

test("the DAG accepts exactly the nationalities that randomuser supports", async () => {
  const dag = await Bun.file(join(import.meta.dir, "..", "dags", "user_automation.py")).text();
  const [, codes = ""] = dag.match(/^NATIONALITIES = "([a-z ]+)"\.split\(\)$/m) ?? [];
  expect(codes.toUpperCase().split(" ")).toEqual(nationalities);
});
