import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call } from "../operations/supervisor/xml-rpc.ts";
import { until } from "../runtime/until.ts";
import { install } from "../stack/install/install.ts";
import { project } from "../stack/instance.ts";
import { configurationOf } from "../stack/supervisor/configuration.ts";

const folder = mkdtempSync(join(tmpdir(), "supervisord-"));
const socket = join(folder, "sock");
let daemon: Bun.Subprocess;

beforeAll(async () => {
  for (const name of ["run", "logs"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "run", "doomed.sh"), `echo start >> ${folder}/starts; exit 1`);
  const written = configurationOf([{ name: "doomed", argv: [] }], { folder, socket, logMegabytes: 10 });
  // An exit counts as a failed start even on a busy machine, and plain supervisord would retry only once.
  const impatient = written.replace("startsecs=1", "startsecs=30").replace(/startretries=\d+/, "startretries=1");
  writeFileSync(join(folder, "supervisord.conf"), impatient);
  const { python } = await install();
  daemon = Bun.spawn(
    [python, join(project, "stack/supervisor/supervisord.py"), "-n", "-c", join(folder, "supervisord.conf")],
    {
      stdio: ["ignore", "ignore", "ignore"],
    },
  );
  await until("supervisor answers", () => call(socket, "supervisor.getState", []));
});

afterAll(async () => {
  daemon.kill();
  await daemon.exited;
  rmSync(folder, { recursive: true });
});

test("a program that exits at once is still restarted after more failures than supervisor's limit", async () => {
  // supervisor reports a failed start if the program has already exited when it looks; it starts it again all the same.
  await call(socket, "supervisor.startProcess", ["doomed", false]).catch((error: unknown) => {
    if (!`${error}`.includes("SPAWN_ERROR")) throw error;
  });
  await until("it was started five times", () => starts() >= 5);
  const { statename } = (await call(socket, "supervisor.getProcessInfo", ["doomed"])) as { statename: string };
  expect(["BACKOFF", "STARTING"]).toContain(statename);
  expect(await call(socket, "supervisor.stopProcess", ["doomed", true])).toBe(true);
});

const starts = () => readFileSync(join(folder, "starts"), "utf8").trim().split("\n").length;
