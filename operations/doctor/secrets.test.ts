import { afterAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listSettings } from "../../runtime/setting.ts";
import { Settings } from "../../runtime/settings.ts";
import { secretFileFindings, secretFindings } from "./secrets.ts";

const settings = listSettings(Settings);
const project = mkdtempSync(join(tmpdir(), "doctor-secrets-"));
const stack = join(project, ".stack");
const dotEnv = join(project, ".env");
chmodSync(project, 0o755); // as a checkout in a home folder that others may enter
afterAll(() => rmSync(project, { recursive: true }));

const write = (path: string, mode: number, text = "x") => {
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const find = () => secretFindings(stack, dotEnv, settings).map(({ about, cure }) => `${about}: ${cure}`);

beforeEach(() => {
  rmSync(stack, { recursive: true, force: true });
  rmSync(dotEnv, { force: true });
  mkdirSync(stack);
  chmodSync(stack, 0o755); // whatever the umask is
  for (const name of ["certificates", "data", "run", "runs", "logs"]) mkdirSync(join(stack, name), { mode: 0o700 });
  write(join(stack, "secrets.json"), 0o600);
});

test("what the stack writes is readable by its account alone", () => {
  expect(find()).toEqual([]);
});

test("each file or folder with secrets that others can read is named", () => {
  chmodSync(join(stack, "secrets.json"), 0o644);
  chmodSync(join(stack, "run"), 0o711);
  chmodSync(join(stack, "runs"), 0o755);
  for (const name of ["certificates", "data"]) chmodSync(join(stack, name), 0o755);
  expect(find()).toEqual(
    ["secrets.json", "run", "certificates", "data", "runs"].map(
      (name) => `${join(stack, name)}: Run \`chmod -R go= ${join(stack, name)}\``,
    ),
  );
});

test("a readable file in a folder that others may not enter is none", () => {
  chmodSync(join(stack, "secrets.json"), 0o644);
  chmodSync(project, 0o700);
  try {
    expect(find()).toEqual([]);
  } finally {
    chmodSync(project, 0o755);
  }
});

test.each([
  "API_TOKEN=a-long-enough-token",
  "export POSTGRES_URL=postgres://users:hunter2@db/users",
  "AIRFLOW_PASSWORD=x",
])(".env with %p is named if others can read it, without the secret", (line) => {
  write(dotEnv, 0o644, `LOG_LEVEL=debug\n${line}\n`);
  const [finding] = secretFindings(stack, dotEnv, settings);
  expect(finding).toMatchObject({ severity: "error", about: dotEnv });
  expect(JSON.stringify(finding)).not.toMatch(/hunter2|a-long-enough-token/);
  chmodSync(dotEnv, 0o640);
  expect(find()).toEqual([]);
});

test.each([
  "PORT_OFFSET=100",
  "API_TOKEN=",
  "# API_TOKEN=a-long-enough-token",
  "POSTGRES_URL=postgres://users@db/users",
])(".env with %p has no secret", (line) => {
  write(dotEnv, 0o644, `${line}\n`);
  expect(find()).toEqual([]);
});

test("a file with a secret that a variable names, or a private key, is named if others can read it", () => {
  const [token, key] = [join(project, "token"), join(project, "key.pem")];
  write(token, 0o644);
  write(key, 0o644);
  const find = () => secretFileFindings(settings, { kafka: { keyFile: key } }, { API_TOKEN_FILE: token });
  expect(find().map(({ severity, about, cause }) => [severity, about, cause.split(", ").at(-1)])).toEqual([
    ["warning", token, "api.token"],
    ["warning", key, "kafka.keyFile"],
  ]);
  for (const file of [token, key]) chmodSync(file, 0o600);
  expect(find()).toEqual([]);
});
