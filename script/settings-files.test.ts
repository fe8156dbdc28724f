/** A source is one file: what happens in a copy of the project to which somebody adds one. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openProjectCopy, type ProjectCopy } from "../test/support/project-copy.ts";

setDefaultTimeout(240_000);

const acme = `import { z } from "zod";
import { secret, setting, webUrl } from "../runtime/setting.ts";
import { defineSource } from "./source.ts";

export const acme = defineSource({
  name: "acme",
  description: "Acme's people, by POST and with a key",
  settings: z.strictObject({
    url: setting(webUrl.default("https://acme.example.com/people"), "ACME_URL", "URL of Acme's people."),
    key: secret("ACME_KEY", "Key of Acme's API."),
  }),
  version: null,
  maxUsers: 10,
  nationalities: null,
  request: ({ users }, { url, key }) =>
    new Request(url, {
      method: "POST",
      headers: { Authorization: \`Key \${key}\`, "Content-Type": "application/json" },
      body: JSON.stringify({ users }),
    }),
  response: z.array(z.unknown()),
  recordsAt: "",
  record: z.object({ id: z.uuid(), name: z.string() }),
  toUser: ({ id, name }) => ({
    id,
    first_name: name,
    last_name: name,
    email: \`\${name}@example.com\`,
    username: name,
  }),
});
`;
const key = "key-5f1d7c0a";
const written = ["sources/generated.ts", "README.md", "config.yaml", "docker-compose.yml"];

let copy: ProjectCopy;
let server: ReturnType<typeof Bun.serve>;
const asked: unknown[] = [];
const path = (file: string) => join(copy.folder, file);
const read = (file: string) => readFileSync(path(file), "utf8");
const contract = (...argv: string[]) => copy.bun(["script/generate.ts", ...argv]);
const before = new Map<string, string>();

beforeAll(async () => {
  copy = openProjectCopy();
  for (const file of written) before.set(file, read(file));
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      asked.push([request.method, request.headers.get("authorization"), await request.json()]);
      return Response.json([{ id: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8", name: "Rachel", password: "disney1" }]);
    },
  });
});
afterAll(async () => {
  copy.close();
  await server.stop(true);
});

test("a file in sources/ that the list lacks fails the check, and its name is refused with the remedy", async () => {
  writeFileSync(path("sources/acme.ts"), acme);
  const check = await contract("--check");
  expect([check.code, check.stderr]).toEqual([
    2,
    expect.stringContaining("sources/generated.ts is out of date: run `bun run contract`"),
  ]);
  const fetch = await copy.bun(["tasks/main.ts", "fetch"], { ...process.env, USERS_SOURCE: "acme" });
  expect(fetch.code).toBe(2);
  expect(fetch.stderr).toContain("if its file is new in sources/, run `bun run contract`");
});

test("`bun run contract` lists it, and writes its settings where people look for them", async () => {
  expect(await contract()).toMatchObject({ code: 0, stderr: "" });
  expect(await contract("--check")).toMatchObject({ code: 0, stderr: "" });
  expect(read("README.md")).toContain(
    "| `acme.url` | `ACME_URL` | `https://acme.example.com/people` | URL of Acme's people. |",
  );
  expect(read("README.md")).toContain("| `acme.key` | `ACME_KEY` |  | Key of Acme's API. |");
  expect(Bun.YAML.parse(read("config.yaml"))).toMatchObject({ acme: { url: "https://acme.example.com/people" } });
  expect(read("config.yaml")).toMatch(/^ {2}# Key of Acme's API\. \[ACME_KEY\]\n {2}# key: /m);
  const { services } = Bun.YAML.parse(read("docker-compose.yml")) as {
    services: Record<string, { environment: Record<string, string> }>;
  };
  expect(services["airflow-scheduler"]?.environment).toHaveProperty("ACME_KEY", `$\{ACME_KEY:-}`);
  expect(services.consumer?.environment).not.toHaveProperty("ACME_KEY");
});

test("the compiled tasks know it: its settings from config.yaml and variables, its key in the header and nowhere else", async () => {
  copy.edit("config.yaml", "url: https://acme.example.com/people", `url: ${server.url.origin}/people`);
  copy.edit("config.yaml", "source: randomuser", "source: acme");
  expect((await copy.bun(["tasks/build.ts"])).code).toBe(0);
  const run = (argv: string[], stdin = "") => {
    const { stdout, stderr, exitCode } = Bun.spawnSync([path(`dist/tasks/${argv[0]}`), ...argv.slice(1)], {
      cwd: copy.folder,
      env: { PATH: process.env.PATH, ACME_KEY: key },
      stdin: Buffer.from(stdin),
    });
    return { stdout: String(stdout), stderr: String(stderr), exitCode };
  };
  expect(run(["fetch", "--help"]).stdout).toMatch(
    /^ {2}acme +Acme's people, by POST and with a key; up to 10 a request$/m,
  );
  // Bun.spawnSync blocks this process's server, so the request needs another process.
  const fetching = Bun.spawn([path("dist/tasks/fetch"), "--users", "1"], {
    cwd: copy.folder,
    env: { PATH: process.env.PATH, ACME_KEY: key },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [raw, log] = await Promise.all([new Response(fetching.stdout).text(), new Response(fetching.stderr).text()]);
  expect(await fetching.exited).toBe(0);
  expect(asked).toEqual([["POST", `Key ${key}`, { users: 1 }]]);
  expect(raw + log).not.toContain(key);
  expect(raw + log).not.toContain("disney1");
  expect(JSON.parse(run(["format"], raw).stdout)).toMatchObject({ first_name: "Rachel", email: "Rachel@example.com" });
});

test("what config.yaml sets is kept when it is written again", async () => {
  expect((await contract()).code).toBe(0);
  expect(Bun.YAML.parse(read("config.yaml"))).toMatchObject({
    source: "acme",
    acme: { url: `${server.url.origin}/people` },
  });
});

test("settings in config.yaml that nothing declares are refused, not dropped, as when a source is removed", async () => {
  rmSync(path("sources/acme.ts"));
  const refused = await contract();
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('Unrecognized key: "acme"; correct it in config.yaml, or remove it'),
  ]);
  expect(refused.stderr).toContain("source: must be one of");
  writeFileSync(path("config.yaml"), before.get("config.yaml")!);
  expect(await contract()).toMatchObject({ code: 0, stderr: "" });
  for (const file of written) expect([file, read(file)]).toEqual([file, before.get(file)!]);
});
