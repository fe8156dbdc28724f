/** The editor's configuration in .vscode/launch.json, used the way an editor's debugger does. */
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../runtime/until.ts";
import { project } from "../stack/instance.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows } from "./support/cassandra.ts";
import { openDebugger } from "./support/debugger.ts";
import { namesOf } from "./support/names.ts";

interface Launch {
  name: string;
  runtime: string;
  program: string;
  env: Record<string, string>;
}
const { configurations } = (await Bun.file(join(project, ".vscode/launch.json")).json()) as {
  configurations: Launch[];
};
const inProject = (path: string) => path.replace(/^\$\{workspaceFolder\}/, project);

test("a breakpoint in the consumer stops it at a record, and afterwards the record is stored", async () => {
  const { runtime, program, env } = configurations.find(({ name }) => name === "consumer")!;
  const names = namesOf(import.meta.path, env);
  const recorder = await openRecorder(names);
  await recorder.sendUsers(1);
  const [id, user] = [...recorder.acknowledged][0]!;

  const log = Bun.file(join(tmpdir(), `${names.topic}.log`));
  const consumer = Bun.spawn([inProject(runtime), "--inspect-wait=127.0.0.1:0/consumer", inProject(program)], {
    env: { ...names.env, CONSUMER_GROUP_ID: names.groupId },
    stdio: ["ignore", log, log],
  });
  try {
    const address = await until("it waits for a debugger", async () =>
      /ws:\/\/[\d.:]+\/consumer/.exec(await log.text()),
    );
    const debug = await openDebugger(address[0]);
    debug.breakAt(/\/stream\/sift\.ts$/, "decode(message.value");
    await debug.begin();
    await debug.paused();
    expect(await debug.evaluate("message.key.toString()")).toBe(id);
    expect(await debug.evaluate("messages.length")).toBe(1);
    expect((await readRows(names.config)).size).toBe(0);

    await debug.leave();
    await until("the record is stored", async () => (await readRows(names.config)).size === 1);
    expect((await readRows(names.config)).get(id)).toEqual(user!);
  } finally {
    consumer.kill("SIGKILL");
  }
  await recorder.close();
  rmSync(log.name!);
  await dropKeyspace(names.config);
});
