import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../../stack/instance.ts";
import { runInLanes } from "./lanes.ts";
import { type Company, companyOf, serviceTests } from "./test-files.ts";

const files: Record<string, Company> = {
  "a-alone": "alone",
  "b-in-turn": "in turn",
  "c-beside": "beside others",
  "d-in-turn": "in turn",
  "e-beside": "beside others",
  "f-beside": "beside others",
  "g-alone": "alone",
};

/** Runs them; resolves with what was running whenever a file had begun, and the error. */
async function run(broken?: string) {
  const running = new Set<string>();
  const seen: string[][] = [];
  const error = await runInLanes(
    Object.keys(files),
    (file) => files[file]!,
    async (file) => {
      running.add(file);
      seen.push([...running]);
      await Bun.sleep(file === "b-in-turn" ? 20 : 5);
      running.delete(file);
      if (file === broken) throw new Error(`the stack broke before ${file}`);
    },
  ).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { seen, error };
}

test("every file runs once, two at a time, one at most in turn, and those that run alone after the others", async () => {
  const { seen, error } = await run();
  expect(error).toBeUndefined();
  expect(seen.map((running) => running.at(-1)).sort()).toEqual(Object.keys(files).sort());
  for (const running of seen) {
    expect(running.length).toBeLessThanOrEqual(2);
    expect(running.filter((file) => files[file] === "in turn").length).toBeLessThanOrEqual(1);
    if (running.some((file) => files[file] === "alone")) expect(running).toHaveLength(1);
  }
  expect(Math.max(...seen.map((running) => running.length))).toBe(2);
  expect(seen.slice(-2)).toEqual([["a-alone"], ["g-alone"]]);
});

test("after an error no further file begins", async () => {
  const { seen, error } = await run("b-in-turn");
  expect(error).toBe("the stack broke before b-in-turn");
  expect(seen.flat()).not.toContain("d-in-turn");
  expect(seen.flat()).not.toContain("a-alone");
});

test("a file that stops services, or uses the stack's DAGs or its Spark cluster, runs alone or in turn", () => {
  const shares = (file: string) =>
    /\b(controlStack|openAirflow|startCluster|registerConnector)\b/.test(readFileSync(join(project, file), "utf8"));
  expect(serviceTests().filter((file) => shares(file) && companyOf(file) === "beside others")).toEqual([]);
});
