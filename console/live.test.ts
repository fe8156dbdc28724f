import { expect, test } from "bun:test";
import { Hono } from "hono";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { openLive } from "./live.ts";

/** What `/events` has sent of one fragment, without its markup. */
async function watch(live: ReturnType<typeof openLive>, key: string) {
  const app = new Hono();
  live.register(app);
  const stop = new AbortController();
  const { body } = await app.request(new Request(`http://console/events?show=${key}`, { signal: stop.signal }));
  const sent: string[] = [];
  void (async () => {
    for await (const chunk of body!.pipeThrough(new TextDecoderStream()))
      for (const [, data = ""] of chunk.matchAll(/^data: (.*)$/gm))
        sent.push((JSON.parse(data) as { html: string }).html.replaceAll(/<[^>]*>/g, ""));
  })().catch(() => {});
  return { sent, stop: () => stop.abort() };
}

test("a fragment that cannot be rendered says why, keeps what it showed, and recovers", async () => {
  const live = openLive(openLog("console", "fatal"), 50);
  const answers = ["12 records", new Error("Kafka is away"), new Promise<never>(() => {}), "14 records"];
  let asked = 0;
  live.add("topics", {
    everyMs: 1,
    async render() {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer as string;
    },
  });
  const { sent, stop } = await watch(live, "topics");
  await until("it has recovered", () => sent.at(-1) === "14 records");
  stop();
  expect(sent.map((text) => text.replace(/\d{4}-.* UTC/, "TIME"))).toEqual([
    "12 records",
    "This part cannot be shown: Kafka is away; as of TIME:12 records",
    "This part cannot be shown: no answer within 0.05 s; as of TIME:12 records",
    "14 records",
  ]);
});
