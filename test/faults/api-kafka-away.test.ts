/** Kafka stops answering while users are edited: writes are refused, reads go on, and no edit is only in one place. */
// Runs alone: it stops Kafka.
import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { until } from "../../runtime/until.ts";
import { startApi } from "../support/api.ts";
import { dropKeyspace } from "../support/cassandra.ts";
import { readEdits, unequalIds } from "../support/edits.ts";
import { lagOf } from "../support/kafka.ts";
import { namesOf } from "../support/names.ts";
import { controlStack } from "../support/stack.ts";
import { startConsumer } from "./consumer.ts";

const { env, config, groupId, editTopic } = namesOf(import.meta.path);
afterAll(() => dropKeyspace(config));

/** A letter for each thread of a process; T if it is stopped (proc_pid_stat(5)). */
const threadStates = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0];
  });

const nadia = { first_name: "Nadia", last_name: "Haddad", email: "nadia.haddad@example.com", username: "quietheron12" };

test("while Kafka hangs, writes are 503 within seconds and reads go on; afterwards each edit is a record and a row", async () => {
  const [stack, api, consumer] = [await controlStack(), await startApi(env), startConsumer({ env })];
  const acknowledged: string[] = [];
  const write = async () => {
    const requestId = crypto.randomUUID() as string;
    const startedMs = performance.now();
    const headers = { "Content-Type": "application/json", "X-Request-Id": requestId };
    const answer = await fetch(`${api.url}/add-user`, { method: "POST", headers, body: JSON.stringify(nadia) });
    if (answer.status === 201) acknowledged.push(requestId);
    const retryAfter = Number(answer.headers.get("Retry-After"));
    return { status: answer.status, retryAfter, tookMs: performance.now() - startedMs };
  };
  const accepted = () => until("writes are accepted", async () => (await write()).status === 201);
  const { pid } = (await stack.states()).find(({ name }) => name === "kafka")!;
  await accepted();

  try {
    process.kill(pid, "SIGSTOP");
    await until("all of its threads have stopped", () => threadStates(pid).every((state) => state === "T"));
    const refused = await Promise.all(Array.from({ length: 20 }, write));
    expect(refused.map(({ status }) => status)).toEqual(Array(20).fill(503));
    expect(refused.every(({ retryAfter, tookMs }) => retryAfter > 0 && tookMs < 10_000)).toBe(true);
    const next = await write(); // without asking Kafka
    expect([next.status, next.tookMs < 1_000]).toEqual([503, true]);
    expect((await fetch(`${api.url}/first-five`)).status).toBe(200);
    const readiness = await fetch(`${api.url}/readyz`);
    expect([readiness.status, await readiness.json()]).toEqual([
      200,
      { status: "ok", writes: "Kafka or the Schema Registry is unavailable at the moment" },
    ]);
  } finally {
    process.kill(pid, "SIGCONT");
  }

  await accepted();
  await until(
    "the consumer has applied the edits",
    async () => (await consumer.status("/readyz")) === 200 && (await lagOf(config, groupId, editTopic)) === 0,
  );
  const logged = new Set((await readEdits(config)).map(({ request_id }) => request_id));
  expect(acknowledged.filter((id) => !logged.has(id))).toEqual([]);
  expect(await unequalIds(config)).toEqual([]);
  for (const program of [api, consumer]) {
    program.signal("SIGTERM");
    expect(await program.exited).toBe(0);
  }
});
