import { expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configurationOf, scriptOf } from "./configuration.ts";

test("a program gets its arguments, variables and folder exactly, whatever they hold", async () => {
  const folder = mkdtempSync(join(tmpdir(), "it's a $HOME "));
  const hostile = `a 'b' "c" $(touch harm) \`touch harm\` %(x)s; \\ end`;
  const print = "process.stdout.write(JSON.stringify([process.cwd(), process.env.SECRET, process.argv.slice(1)]))";
  const argv = [process.execPath, "-e", print, "--", hostile];
  const script = join(folder, "program.sh");
  writeFileSync(script, scriptOf({ name: "program", argv, env: { SECRET: hostile }, cwd: folder }, { folder }));
  const output = JSON.parse(await new Response(Bun.spawn(["sh", script]).stdout).text());
  expect(output.slice(0, 2)).toEqual([folder, hostile]);
  expect(output[2].at(-1)).toBe(hostile);
});

test("nothing starts by itself, everything is restarted after a crash and its log is bounded", () => {
  const text = configurationOf([{ name: "kafka", argv: ["java"] }], "/a%b", "/a/sock");
  expect(text).toContain("autostart=false");
  expect(text).toContain("autorestart=true");
  expect(text).toContain("stdout_logfile_maxbytes=10MB");
  expect(text).toContain('command=/bin/sh "/a%%b/run/kafka.sh"');
});

test("a program that stops its children with care is the only one of its group to be asked", () => {
  const [careful, plain] = [true, false].map((stopsItsChildren) =>
    configurationOf([{ name: "x", argv: ["x"], stopsItsChildren, stopSignal: "INT" }], "/s", "/s/sock"),
  );
  expect(careful).toContain("stopasgroup=false");
  expect(careful).toContain("stopsignal=INT");
  expect(plain).toContain("stopasgroup=true");
});
