import { expect, test } from "bun:test";
import { type Log, openLog } from "./log.ts";
import { MissingSchema } from "./missing.ts";
import { retry } from "./retry.ts";

const log = openLog("test", "error");
const never = new AbortController().signal;
const away = new Error("away");
const broken = new Error("broken");

test("a transient error is retried until the work succeeds", async () => {
  let attempts = 0;
  const work = async () => {
    if (++attempts < 4) throw away;
    return attempts;
  };
  const failures: unknown[] = [];
  const between = (error: unknown) => void failures.push(error);
  const result = await retry(work, { what: "work", while: (e) => e === away, stop: never, log, between, maxWaitMs: 2 });
  expect(result).toBe(4);
  expect(failures).toEqual([away, away, away]);
});

test("any other error is thrown immediately", async () => {
  let attempts = 0;
  const work = async () => {
    attempts++;
    throw broken;
  };
  await expect(retry(work, { what: "work", while: (e) => e === away, stop: never, log })).rejects.toBe(broken);
  expect(attempts).toBe(1);
});

test("a stop ends the wait with the signal's reason", async () => {
  const stop = new AbortController();
  const work = () => Promise.reject(away);
  const between = () => void setTimeout(() => stop.abort("SIGTERM"), 1);
  const waiting = retry(work, { what: "work", while: () => true, stop: stop.signal, log, between, maxWaitMs: 600_000 });
  expect(await waiting.catch((reason) => reason)).toBe("SIGTERM");
});

test("an attempt that succeeds after the stop still counts", async () => {
  const stop = new AbortController();
  const work = async () => {
    stop.abort("SIGTERM");
    return "stored";
  };
  expect(await retry(work, { what: "work", while: () => true, stop: stop.signal, log })).toBe("stored");
});

test("an error thrown between two attempts ends the retries", async () => {
  const rebalance = new Error("the group is rebalancing");
  const between = () => Promise.reject(rebalance);
  const waiting = retry(() => Promise.reject(away), { what: "work", while: () => true, stop: never, log, between });
  expect(await waiting.catch((error) => error)).toBe(rebalance);
});

test("what an administrator has to do is logged as an error at every attempt, anything else as a warning", async () => {
  const events: string[] = [];
  const record = (level: string) => (message: string) => void events.push(`${level}: ${message}`);
  const recorded = { warn: record("warn"), error: record("error") } as unknown as Log;
  const failures = [new MissingSchema([{ what: "topic users", statement: "kafka-topics.sh …" }]), away];
  const work = async () => {
    const failure = failures.shift();
    if (failure) throw failure;
  };
  await retry(work, { what: "work", while: () => true, stop: never, log: recorded, maxWaitMs: 2 });
  expect(events).toEqual(["error: waiting for an administrator", "warn: retrying"]);
});
