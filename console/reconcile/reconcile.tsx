import { plural, singular } from "../../contract/entity.ts";
import { sinceMsOf } from "../../operations/since.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { LiveFragment } from "../fragment.tsx";
import type { Context, Part } from "../part.ts";
import { soon } from "../soon.ts";
import { Time } from "../values.tsx";
import { type Comparisons, openComparisons, type Scope } from "./comparisons.ts";
import { openDaily } from "./daily.tsx";
import { ReportShown } from "./report-shown.tsx";
import { RunningShown } from "./running-shown.tsx";

/** Compares every store, and repairs what a record can repair. */
export const reconcile: Part = {
  nav: { path: "/reconcile", title: "Reconcile" },
  register({ app, live, page, clients }: Context) {
    const comparisons = openComparisons(clients);
    const daily = openDaily(clients);
    live.add("reconcile", { everyMs: 1_000, render: () => <Shown comparisons={comparisons} /> });
    live.add("reconcile-daily", { everyMs: 30_000, render: daily });

    app.get("/reconcile", async (c) =>
      page(c, {
        title: "Reconcile",
        body: (
          <>
            <p>
              Compares every {singular} in the runs' files, PostgreSQL, the topics and Cassandra, by write time and
              content. What does not fit is looked at again before it is reported.
            </p>
            <StartForm />
            <LiveFragment name="reconcile">
              <Shown comparisons={comparisons} />
            </LiveFragment>
            <h2>Daily</h2>
            <LiveFragment name="reconcile-daily">
              {(await soon(daily())) ?? <p class="faint">Asking Airflow …</p>}
            </LiveFragment>
          </>
        ),
      }),
    );

    app.post("/reconcile/start", async (c) => {
      const { since, run } = await c.req.parseBody();
      const scope = scopeOf(since, run);
      if (typeof scope === "string")
        return page(c, {
          title: "Not compared",
          status: 422,
          body: (
            <>
              <p role="alert">{scope}</p>
              <StartForm />
            </>
          ),
        });
      comparisons.start(scope);
      return c.redirect("/reconcile", 303);
    });
    app.post("/reconcile/stop", (c) => {
      comparisons.stop();
      return c.redirect("/reconcile", 303);
    });
    app.post("/reconcile/repair", async (c) => {
      const { id } = await c.req.parseBody();
      const last = comparisons.last();
      const isFound = last?.report.findings.some((finding) => finding.id === id) ?? false;
      if (last && isFound) comparisons.start(last.scope, [String(id)]);
      else if (last && id === "all") comparisons.start(last.scope, "all");
      return c.redirect("/reconcile", 303);
    });
  },
};

const maxRunIdLength = 250;

/** A scope, or what is wrong with it. */
function scopeOf(since: unknown, run: unknown): Scope | string {
  const [ofSince, ofRun] = [since, run].map((text) => (typeof text === "string" ? text.trim() : ""));
  if (ofSince && ofRun) return "Either since a time or one run; not both.";
  if (ofRun) return ofRun.length <= maxRunIdLength ? { run: ofRun } : "This is no id of a run.";
  if (!ofSince) return {};
  try {
    sinceMsOf(ofSince);
    return { since: ofSince };
  } catch (error) {
    return messageOf(error).replace("--since", "“Since”");
  }
}

const StartForm = () => (
  <form method="post" action="/reconcile/start" class="inline">
    <label>
      Since (3d, 12h or a time; empty: all)
      <input type="text" name="since" size={30} autocomplete="off" />
    </label>
    <label>
      Only the DAG run (its id; empty: all)
      <input type="text" name="run" size={36} autocomplete="off" />
    </label>
    <button type="submit" class="main">
      Compare
    </button>
  </form>
);

const Shown = ({ comparisons }: { comparisons: Comparisons }) => {
  const [running, last, failure] = [comparisons.running(), comparisons.last(), comparisons.failure()];
  return (
    <>
      {running && <RunningShown running={running} />}
      {failure && (
        <p role="alert">
          The last one did not come to its end (<Time at={failure.atMs} />
          ): {failure.message}
        </p>
      )}
      {last ? (
        <ReportShown kept={last} isBusy={running !== undefined} />
      ) : (
        !running && <p class="faint">This console has not compared the {plural} yet.</p>
      )}
    </>
  );
};
