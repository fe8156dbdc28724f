import type { FlowReport } from "../../operations/flow/report.ts";
import { assetUrl } from "../assets.ts";
import { FindingList } from "../finding-list.tsx";
import type { Part } from "../part.ts";
import { charts } from "./charts.ts";
import { FlowTable } from "./flow-table.tsx";
import { Headline } from "./headline.tsx";
import { rowsOf } from "./last-hour.ts";
import { Picture } from "./picture.tsx";
import { columns } from "./sample.ts";

/** How long the first rendering waits for a first look, in milliseconds. */
const firstWithinMs = 400;

/** What one sees first: the whole pipeline as it is now, and its last hour. */
export const overview: Part = {
  nav: { path: "/", title: "Overview" },
  register({ app, live, page, watch, clients: { doctor } }) {
    live.add("flow", {
      everyMs: 1_000,
      async render() {
        watch.report(); // somebody watches
        await watch.ready(firstWithinMs);
        return <FlowNow report={watch.report()} lookedMs={doctor.latest()?.atMs} />;
      },
    });
    // The newest sample, and the time of the one before it: a page that does not have that one asks for what it lacks.
    live.add("sample", {
      everyMs: 1_000,
      render() {
        const [before, newest] = (watch.lastHour()?.after(Date.now() - 60_000) ?? []).slice(-2);
        if (!before) return "";
        return JSON.stringify(newest ? [before.atMs, ...rowsOf([newest])] : [0, ...rowsOf([before])]);
      },
    });
    app.get("/last-hour", (c) => {
      const after = Number(c.req.query("after") ?? 0);
      c.header("Cache-Control", "no-store");
      return c.json({ columns, samples: rowsOf(watch.lastHour()?.after(Number.isFinite(after) ? after : 0) ?? []) });
    });
    app.get("/", async (c) => {
      const body = (
        <>
          {await live.show("flow", undefined, <p class="faint">The pipeline is being looked at …</p>)}
          <LastHour />
        </>
      );
      return page(c, { title: "Overview", body });
    });
  },
};

const FlowNow = ({ report, lookedMs }: { report: FlowReport; lookedMs: number | undefined }) => (
  <>
    <Headline hops={report.hops} isExamined={lookedMs !== undefined} />
    <Picture report={report} />
    <FlowTable hops={report.hops} />
    {report.findings.length > 0 ? (
      <>
        <h2>What is wrong</h2>
        <FindingList findings={report.findings} />
      </>
    ) : (
      <p class="faint">{lookedMs === undefined ? "Doctor is looking …" : "Doctor finds nothing wrong."}</p>
    )}
  </>
);

const LastHour = () => (
  <section aria-labelledby="last-hour">
    <h2 id="last-hour">The last hour</h2>
    <div data-live="sample" hidden />
    <div class="charts" data-charts={JSON.stringify(charts)}>
      {charts.map(({ name, title, unit }) => (
        <figure data-chart={name}>
          <figcaption>
            {title}, {unit}
          </figcaption>
          <div class="plot" />
          <details>
            <summary>
              <span class="hidden">{title}: </span>values
            </summary>
          </details>
        </figure>
      ))}
    </div>
    <noscript>The charts need JavaScript.</noscript>
    <script type="module" src={assetUrl("charts.js")} />
  </section>
);
