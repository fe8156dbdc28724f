import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configurationOf, scriptOf } from "./configuration.ts";

const folder = mkdtempSync(join(tmpdir(), "it's a $HOME "));
afterAll(() => rmSync(folder, { recursive: true }));

test("a program receives its arguments, variables and folder unchanged, whatever characters they contain", async () => {
  const hostile = `a 'b' "c" $(touch harm) \`touch harm\` %(x)s; \\ end`;
  const print = "process.stdout.write(JSON.stringify([process.cwd(), process.env.SECRET, process.argv.slice(1)]))";
  const argv = [process.execPath, "-e", print, "--", hostile];
  const script = join(folder, "program.sh");
  writeFileSync(script, scriptOf({ name: "program", argv, env: { SECRET: hostile }, cwd: folder }, { folder }));
  const output = JSON.parse(await new Response(Bun.spawn(["sh", script]).stdout).text());
  expect(output.slice(0, 2)).toEqual([folder, hostile]);
  expect(output[2].at(-1)).toBe(hostile);
});

test("programs do not start automatically, are restarted after a crash and have bounded logs", () => {
  const text = configurationOf([{ name: "kafka", argv: ["java"] }], {
    folder: "/a%b",
    socket: "/a/sock",
    logMegabytes: 7,
  });
  expect(text).toContain("autostart=false");
  expect(text).toContain("autorestart=true");
  expect(text).toContain("stdout_logfile_maxbytes=7MB");
  expect(text).toContain('command=/bin/sh "/a%%b/run/kafka.sh"');
});

test("a program that stops its own children is the only process of its group to receive the stop signal", () => {
  const [careful, plain] = [true, false].map((stopsItsChildren) =>
    configurationOf([{ name: "x", argv: ["x"], stopsItsChildren, stopSignal: "INT" }], {
      folder: "/s",
      socket: "/s/sock",
      logMegabytes: 7,
    }),
  );
  expect(careful).toContain("stopasgroup=false");
  expect(careful).toContain("stopsignal=INT");
  expect(plain).toContain("stopasgroup=true");
});
