import { expect, test } from "bun:test";
import { randomuser } from "./randomuser.ts";

const settings = { randomuser: { url: "https://randomuser.me/api/1.4/" }, dummyjson: { url: "" } };
const request = { users: 60, page: 1, seed: "manual__2026-01-15T06:00:00+00:00", nationalities: [] };
const seedOf = (seed: string) => new URL(randomuser.url(settings, { ...request, seed })).searchParams.get("seed");

test("one request fetches all users, by seed, from the pinned version", () => {
  expect(randomuser.url(settings, request)).toBe(
    "https://randomuser.me/api/1.4/?results=60&seed=manual__2026-01-15T06%3A00%3A00%2B00%3A00",
  );
});

test("nationalities and page are in the URL if requested", () => {
  const url = new URL(randomuser.url(settings, { ...request, page: 2, nationalities: ["us", "gb"] }));
  expect([url.searchParams.get("nat"), url.searchParams.get("page")]).toEqual(["us,gb", "2"]);
});

test("a seed never has 18 characters, which randomuser would search for a nationality", () => {
  expect(seedOf("run-of-18-letters!")).toBe("run-of-18-letters!-");
  expect(seedOf("run-of-17-letters")).toBe("run-of-17-letters");
});
