import { join } from "node:path";
import { table } from "../../contract/entity.ts";
import { changeable } from "../../contract/samples.ts";
import type { User } from "../../contract/user.ts";
import { openAirflow } from "../../operations/airflow.ts";
import { httpAccess } from "../../runtime/http-access.ts";
import { until } from "../../runtime/until.ts";
import { project } from "../../stack/instance.ts";
import type { ComposeProject } from "./project.ts";

/** Generous, for containers on a busy machine. */
const withinMs = 900_000;

/** What a secure platform serves over HTTPS. */
const encrypted = ["API_PORT", "CONNECT_PORT", "CONSOLE_PORT", "SCHEMA_REGISTRY_PORT"];

export const addressOf = ({ env, access }: ComposeProject, port: string) =>
  `http${access !== undefined && encrypted.includes(port) ? "s" : ""}://127.0.0.1:${env[port]}`;

/** A request as the operator, who on a secure platform has a token and a certificate. */
function ask({ access, env }: ComposeProject, url: string): Promise<Response> {
  const signal = AbortSignal.timeout(30_000);
  if (access === undefined) return fetch(url, { signal });
  return fetch(url, { signal, headers: { authorization: `Bearer ${env.API_TOKEN}` }, ...tlsOf(access) });
}

/** The operator's certificates, for fetch. */
export function tlsOf(access: string | undefined) {
  if (access === undefined) return {};
  const [caFile, certificateFile, keyFile] = ["ca.crt", "client.crt", "client.key"].map((file) => join(access, file));
  const { tls } = httpAccess({ caFile, certificateFile, keyFile });
  return tls ? { tls } : {};
}

/** Triggers a DAG run through Airflow's REST API and waits until the API returns all of its users. */
export async function usersReachCassandra(platform: ComposeProject): Promise<void> {
  const { runAfter, produced } = await runTheDag(platform);
  await until(`${produced} users of the run in Cassandra`, () => holdsRun(platform, runAfter, produced), { withinMs });
}

/** Registers the connector with the documented curl line, updates a row and waits for it in the API. @returns its id */
export async function changesReachCassandra(platform: ComposeProject): Promise<string> {
  if ((await createConnector(platform)) !== "201") throw new Error("the connector was not created");
  if ((await createConnector(platform)) !== "409") throw new Error("the connector was created twice");
  await connectorRuns(platform);

  const [user] = await usersOf(platform);
  if (!user) throw new Error("no user to edit");
  await sql(platform, `UPDATE ${table} SET ${changeable.text} = 'Edited' WHERE id = '${user.id}'`);
  await until("the edit in Cassandra", async () => (await userOf(platform, user.id))[changeable.text] === "Edited", {
    withinMs,
  });
  return user.id;
}

/** While no consumer runs, the job stores the users of a DAG run, and ends when it has read everything. */
export async function sparkTakesOver(platform: ComposeProject): Promise<void> {
  await platform.compose("stop", "consumer", "consumer-metrics");
  const { runAfter, produced } = await runTheDag(platform);
  if (await holdsRun(platform, runAfter, produced)) throw new Error("the users are in Cassandra before the job ran");
  await platform.compose("run", "--rm", "--no-TTY", "spark-submit", "--available-now");
  if (!(await holdsRun(platform, runAfter, produced))) throw new Error("the job has not stored the users of the run");

  const master = await fetch(`${addressOf(platform, "SPARK_MASTER_UI_PORT")}/json/`);
  const { completedapps } = (await master.json()) as { completedapps: { name: string; state: string }[] };
  if (!completedapps.some(({ name, state }) => name === "user_stream" && state === "FINISHED"))
    throw new Error(`the cluster did not run the job: ${JSON.stringify(completedapps)}`);
  await platform.compose("up", "--detach", "--wait");
}

/** `--scale consumer=3`: three members of one group share all partitions. */
export async function consumersSharePartitions(platform: ComposeProject): Promise<void> {
  await platform.compose("up", "--detach", "--wait", "--scale", "consumer=3");
  const describe = ["kafka-consumer-groups", "--bootstrap-server", "broker:29092", "--describe", "--group"];
  await until(
    "three consumers with partitions",
    async () => {
      const text = await platform.compose("exec", "--no-TTY", "broker", ...describe, "users_created.cassandra");
      const rows = text.split("\n").filter((line) => line.includes(" users_created "));
      const owners = new Set(rows.map((line) => line.trim().split(/\s+/)[6]).filter((owner) => owner !== "-"));
      if (rows.length === 4 && owners.size === 3) return true;
      throw new Error(text);
    },
    { withinMs, everyMs: 2_000 },
  );
  await platform.compose("up", "--detach", "--wait", "--scale", "consumer=1");
}

/** `down` keeps the volumes: after the next `up` the data is unchanged, and changes still arrive. */
export async function dataSurvivesDown(platform: ComposeProject, edited: string): Promise<void> {
  const before = await stateOf(platform);
  await platform.compose("down", "--timeout", "30");
  await platform.compose("up", "--detach", "--wait");
  const after = await stateOf(platform);
  if (!Bun.deepEquals(after, before))
    throw new Error(`before: ${JSON.stringify(before)}\nafter: ${JSON.stringify(after)}`);

  await connectorRuns(platform);
  await sql(platform, `UPDATE ${table} SET ${changeable.text} = 'Edited again' WHERE id = '${edited}'`);
  const again = async () => (await userOf(platform, edited))[changeable.text] === "Edited again";
  await until("the second edit in Cassandra", again, { withinMs });
}

async function stateOf(platform: ComposeProject) {
  const airflow = await airflowOf(platform);
  const users = await usersOf(platform);
  return {
    users: users.sort((a, b) => (a.id < b.id ? -1 : 1)),
    runs: (await airflow.runs()).map(({ dag_run_id, state }) => `${dag_run_id} ${state}`).sort(),
    backedUp: (await sql(platform, `SELECT count(*) FROM ${table}`)).trim(),
  };
}

/** Triggers a run and waits until it succeeds. @returns its time and the number of users it produced */
async function runTheDag(platform: ComposeProject): Promise<{ runAfter: string; produced: number }> {
  const airflow = await airflowOf(platform);
  await airflow.unpause();
  const { dag_run_id, run_after } = await airflow.trigger();
  const { state } = await airflow.ended(dag_run_id, withinMs);
  if (state !== "success") {
    const tasks = [...(await airflow.tasks(dag_run_id)).values()].map(({ task_id, state }) => `${task_id} ${state}`);
    throw new Error(`the DAG run ended as ${state}: ${tasks.join(", ")}`);
  }
  const { written } = await airflow.countsOf(dag_run_id, "produce");
  if (written === 0) throw new Error("the DAG run produced no user");
  return { runAfter: new Date(run_after).toISOString(), produced: written };
}

const airflowOf = (platform: ComposeProject) =>
  openAirflow({ ...platform.env, AIRFLOW_URL: addressOf(platform, "AIRFLOW_PORT") });

/** Whether Cassandra has `wanted` users of the run, identified by its time. */
async function holdsRun(platform: ComposeProject, runAfter: string, wanted: number): Promise<boolean> {
  return (await usersOf(platform)).filter(({ timestamp }) => timestamp === runAfter).length === wanted;
}

/** All users, page by page. */
export async function usersOf(platform: ComposeProject): Promise<User[]> {
  const users: User[] = [];
  for (let cursor: string | undefined; ; ) {
    const url = new URL(`${addressOf(platform, "API_PORT")}/users?limit=500`);
    if (cursor) url.searchParams.set("cursor", cursor);
    const page = await answerOf<{ users: User[]; cursor: string | null }>(platform, url.href);
    users.push(...page.users);
    if (!page.cursor) return users;
    cursor = page.cursor;
  }
}

export const userOf = (platform: ComposeProject, id: string) =>
  answerOf<User>(platform, `${addressOf(platform, "API_PORT")}/get-user/${id}`);

async function answerOf<T>(platform: ComposeProject, url: string): Promise<T> {
  const response = await ask(platform, url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

async function connectorRuns(platform: ComposeProject): Promise<void> {
  const status = `${addressOf(platform, "CONNECT_PORT")}/connectors/postgres-created-users/status`;
  await until(
    "the connector's task runs",
    async () => {
      const { tasks } = await answerOf<{ tasks: { state: string; trace?: string }[] }>(platform, status);
      if (tasks.some(({ state }) => state === "FAILED")) throw new Error(JSON.stringify(tasks));
      return tasks.length === 1 && tasks[0]?.state === "RUNNING";
    },
    { withinMs },
  );
}

/** The README's curl line with another port, and what docs/docker.md adds to it. @returns the status code */
async function createConnector({ env, access }: ComposeProject): Promise<string> {
  const address = `${access === undefined ? "" : "https://"}localhost:${env.CONNECT_PORT}/connectors/`;
  const certificates =
    access === undefined ? [] : ["--cacert", "ca.crt", "--cert", "client.crt", "--key", "client.key"];
  const options = certificates.map((word) => (word.startsWith("--") ? word : join(access!, word)));
  const headers = ["-H", "Accept:application/json", "-H", "Content-Type:application/json"];
  const quiet = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"];
  const argv = ["curl", ...quiet, ...options, "-X", "POST", ...headers, address, "-d", "@postgres-connector.json"];
  return await new Response(Bun.spawn(argv, { cwd: project, stdio: ["ignore", "pipe", "inherit"] }).stdout).text();
}

export const sql = (platform: ComposeProject, statement: string) =>
  platform.compose(
    ...["exec", "--no-TTY", "postgres", "psql", "--username=users", "--dbname=users", "--tuples-only"],
    ...["--no-align", "--command", statement],
  );
