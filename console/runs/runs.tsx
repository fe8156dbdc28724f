import type { Context as RequestContext } from "hono";
import { dagId } from "../../operations/airflow.ts";
import { isActive } from "../../operations/runs/runs.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Context, Part } from "../part.ts";
import { type AirflowView, airflowPath, airflowUrl, openAirflowView } from "./airflow.tsx";
import { RunList } from "./list.tsx";
import { registerRun } from "./run.tsx";
import { Paused, runHref } from "./states.tsx";
import { confOf, type Entered, refusalIn, TriggerForm } from "./trigger.tsx";
import { whileActive } from "./while-active.ts";

const perPage = 12;

/** Airflow's runs of the pipeline: how they went, and the next one. */
export const runs: Part = {
  nav: { path: "/runs", title: "Runs" },
  register(context) {
    const airflow = openAirflowView(context.clients);
    registerList(context, airflow);
    registerTrigger(context, airflow);
    registerRun(context, airflow);
    const toAirflow = (c: RequestContext, runId: string) =>
      c.redirect(`${airflowUrl(context.clients, c.req.url)}${airflowPath(runId, c.req.query("task"))}`);
    context.app.get("/runs/:run/airflow", (c) => toAirflow(c, c.req.param("run")));
  },
};

function registerList({ app, live, page }: Context, airflow: AirflowView) {
  live.add("runs", {
    everyMs: 1_500,
    render: whileActive(async (about) => {
      const number = Number(about) || 1;
      const sight = await airflow.ask(() =>
        Promise.all([airflow.details(), airflow.runs.recent(perPage, (number - 1) * perPage)]),
      );
      if ("away" in sight) return { shown: sight.away, isActive: false };
      const [{ is_paused: isPaused }, found] = sight.value;
      return {
        isActive: found.some(isActive),
        shown: (
          <>
            {isPaused && <Paused />}
            <RunList runs={found} page={number} perPage={perPage} />
          </>
        ),
      };
    }),
  });

  // Its text stays the same, so that what was typed stays too, unless the DAG changes.
  live.add("run-form", {
    everyMs: 5_000,
    async render() {
      const sight = await airflow.ask(airflow.details);
      const params = airflow.params();
      if (params) return <TriggerForm params={params} values={{}} />;
      return "away" in sight ? sight.away : "";
    },
  });

  app.get("/runs", async (c) => showList({ live, page }, airflow, c));
}

async function showList(
  { live, page }: Pick<Context, "live" | "page">,
  airflow: AirflowView,
  c: RequestContext,
  entered: Entered = { values: {} },
) {
  const number = Math.min(10_000, Math.max(1, Math.trunc(Number(c.req.query("page"))) || 1));
  const params = airflow.params();
  const [list, form] = await Promise.all([
    live.show("runs", String(number), <p class="faint">Asking Airflow …</p>),
    entered.refused && params ? (
      <TriggerForm params={params} {...entered} />
    ) : (
      live.show("run-form", undefined, <p class="faint">Asking Airflow for the DAG's params …</p>)
    ),
  ]);
  return page(c, {
    title: "Runs",
    status: entered.refused ? 400 : 200,
    body: (
      <>
        <h2>Trigger {dagId}</h2>
        {entered.refused && !params && <p role="alert">{entered.refused.why}</p>}
        {form}
        <h2>Last runs</h2>
        {list}
      </>
    ),
  });
}

function registerTrigger(context: Context, airflow: AirflowView) {
  const { app, clients } = context;
  const { log } = clients;

  app.post("/runs/trigger", async (c) => {
    const body = await c.req.parseBody();
    const values = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, String(value)]));
    try {
      const { params } = await airflow.details();
      const run = await airflow.withAirflow((one) => one.trigger(confOf(params, values)));
      log.info("run triggered", { run: run.dag_run_id });
      return c.redirect(runHref(run.dag_run_id), 303);
    } catch (error) {
      const refused = refusalIn(error) ?? { param: undefined, why: `Airflow does not answer: ${messageOf(error)}` };
      return showList(context, airflow, c, { values, refused });
    }
  });

  app.post("/runs/unpause", async (c) => {
    await airflow.withAirflow(async (one) => {
      await one.details(); // otherwise it waits until the DAG is known
      await one.unpause();
    });
    log.info("DAG unpaused", { dag: dagId });
    return c.redirect("/runs", 303);
  });
}
