import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../../stack/instance.ts";
import { runInLanes } from "./lanes.ts";
import { companyOf, serviceTests } from "./test-files.ts";

/** Makes jobs that note which of them were running whenever one started. */
function openJobs() {
  const running = new Set<string>();
  const seen: string[][] = [];
  const jobOf =
    (name: string, work: () => Promise<void> = async () => {}) =>
    async () => {
      running.add(name);
      seen.push([...running]);
      await Bun.sleep(1);
      await work().finally(() => running.delete(name));
    };
  return { seen, jobOf };
}
const begun = (seen: string[][]) => seen.map((running) => running.at(-1)!);

test("every job runs once, one at a time in each lane, and a lane that is done takes from a queue that is shared", async () => {
  const { seen, jobOf } = openJobs();
  const last = Promise.withResolvers<void>();
  const own = [jobOf("own 1"), jobOf("own 2")];
  const shared = [jobOf("first", () => last.promise), jobOf("next"), jobOf("last", async () => last.resolve())];
  await runInLanes([own, shared], [shared]);
  expect(seen).toEqual([["own 1"], ["own 1", "first"], ["first", "own 2"], ["first", "next"], ["first", "last"]]);
});

test("after an error no further job begins, and it is thrown when the other lane has ended its job", async () => {
  const { seen, jobOf } = openJobs();
  const broken = new Error("the stack does not start");
  const fails = jobOf("broken", () => Promise.reject(broken));
  let ended = false;
  const slow = jobOf("slow", async () => {
    await Bun.sleep(20);
    ended = true;
  });
  await expect(runInLanes([[fails, jobOf("after it")]], [[slow, jobOf("after slow")]])).rejects.toBe(broken);
  expect([begun(seen), ended]).toEqual([["broken", "slow"], true]);
});

test("a file that stops services, or uses the stack's DAGs, its Spark cluster or its data in the console, runs alone or in turn", () => {
  const sharesIn = (code: string) =>
    /\b(controlStack|openAirflow|startCluster|registerConnector)\b/.test(code) ||
    (/\bstartConsole\b/.test(code) && !/\bnamesOf\b/.test(code));
  const sharing = serviceTests().filter((file) => sharesIn(readFileSync(join(project, file), "utf8")));
  expect(sharing.filter((file) => companyOf(file) === "beside others")).toEqual([]);
});
