import { expect, test } from "bun:test";
import { restartsIn } from "./restarts.ts";

const log = `2026-11-28 06:00:00,000 INFO supervisord started with pid 10
2026-11-28 06:00:01,000 INFO spawned: 'kafka' with pid 11
2026-11-28 06:00:05,000 WARN exited: kafka (exit status 1; not expected)
2026-11-28 06:00:06,000 INFO spawned: 'kafka' with pid 12
2026-11-28 07:00:00,000 INFO supervisord started with pid 20
2026-11-28 07:00:01,000 INFO spawned: 'kafka' with pid 21
2026-11-28 07:00:02,000 INFO spawned: 'consumer' with pid 22
2026-11-28 07:10:00,000 WARN exited: consumer (terminated by SIGKILL; not expected)
2026-11-28 07:10:01,000 INFO spawned: 'consumer' with pid 23
2026-11-28 07:20:00,000 WARN exited: consumer (terminated by SIGSEGV (core dumped); not expected)
2026-11-28 07:20:01,000 INFO spawned: 'consumer' with pid 24
2026-11-28 07:30:00,000 INFO stopped: consumer (exit status 0)
2026-11-28 07:30:01,000 INFO spawned: 'consumer' with pid 25
2026-11-28 07:40:00,000 WARN exited: api (exit status 2; not expected)
`;

test("starts after an exit are counted since the stack was started; those by hand are not", () => {
  const { byProgram, isWhole } = restartsIn(log);
  expect(isWhole).toBe(true);
  expect(Object.fromEntries(byProgram)).toEqual({
    consumer: { count: 2, last: { atMs: new Date("2026-11-28 07:20:00").getTime(), how: "SIGSEGV" } },
    api: { count: 0, last: { atMs: new Date("2026-11-28 07:40:00").getTime(), how: "exit status 2" } },
  });
});

test("a log that begins after the stack's start says so", () => {
  const { byProgram, isWhole } = restartsIn(log.slice(log.indexOf("2026-11-28 07:10")));
  expect([isWhole, byProgram.get("consumer")?.count]).toEqual([false, 2]);
});
