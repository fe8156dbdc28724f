import { LiveFragment } from "../fragment.tsx";
import type { Part } from "../part.ts";
import { Count, Time } from "../values.tsx";

/** What one sees first. */
export const overview: Part = {
  nav: { path: "/", title: "Overview" },
  register({ app, live, page, clients: { config, admin } }) {
    async function topics() {
      const { topic } = config.kafka;
      const offsets = await (await admin()).fetchTopicOffsets(topic);
      const records = offsets.reduce((sum, { low, high }) => sum + Number(BigInt(high) - BigInt(low)), 0);
      return (
        <p>
          {topic}: <Count of={records} /> records at <Time at={Date.now()} />
        </p>
      );
    }
    live.add("topics", { everyMs: 1_000, render: topics });
    app.get("/", (c) => page(c, { title: "Overview", body: <LiveFragment name="topics" /> }));
  },
};
