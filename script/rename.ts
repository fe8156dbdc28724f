/**
 * `bun script/rename.ts order orders`: renames the record wherever it is named, in texts and in file names: user, users,
 * User, Users, USERS, created_users, toUser … It changes the files that git tracks, so `git diff` shows what it did.
 */
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { $ } from "bun";
import { plural, singular } from "../contract/entity.ts";
import { installLinters } from "../stack/install/install.ts";

const project = join(import.meta.dir, "..");

const capitalised = (word: string) => word[0]?.toUpperCase() + word.slice(1);

/** What tells of the past, or is of other systems. */
const untouched =
  /^docs\/(decisions|images|your-own-record)|^CHANGELOG|^contract\/generated\/versions|^sources\/samples|^test\/kubernetes\/[Ss]trimzi|\.lock$/;

/** What contains the words and is not the record: the project's own name, and names of other systems. */
const kept = [
  `${singular}[-_]automation`,
  `https?://[\\w.]+/${plural}`, // other APIs
  `database\\.${singular}`, // Debezium
  `${singular}_defined_macros`, // Airflow
  ...["runAs", "Kafka", "create"].map((before) => `${before}${capitalised(singular)}`), // Kubernetes, Strimzi, Airflow
  `${singular}Operator`, // Strimzi
  `${singular}"?: ?"\\d+:`, // Docker Compose: the account of a container
].join("|");

function renamed(text: string, one: string, many: string): string {
  const names = new Map([
    [plural, many],
    [singular, one],
    [capitalised(plural), capitalised(many)],
    [capitalised(singular), capitalised(one)],
    [plural.toUpperCase(), many.toUpperCase()],
  ]);
  const [lower, capital, upper] = [`${plural}|${singular}`, capitalised(plural), plural.toUpperCase()];
  // Whole words, also within a name: toUser and user_id, but not username, superuser and AUTH_MANAGER_USERS.
  const word = `(?:(?<![a-z])(?:${lower})|${capital}|${capitalised(singular)})(?![a-z])|(?<![A-Z_])${upper}(?![A-Z])`;
  const article = /^[aeiou]/.test(one) ? "n" : "";
  return text.replaceAll(new RegExp(`${kept}|(?:\\b([Aa])n? )?(${word})`, "g"), (all, a, name) =>
    name === undefined ? all : `${a === undefined ? "" : `${a}${article} `}${names.get(name)}`,
  );
}

const [one = "", many = `${one}s`, ...more] = process.argv.slice(2);
if (more.length > 0 || ![one, many].every((word) => /^[a-z]+$/.test(word))) {
  console.error("usage: bun script/rename.ts SINGULAR [PLURAL], each one word in lower case");
  process.exit(2);
}
const tracked = await $`git ls-files -z`.cwd(project).text();
const files = tracked.split("\0").filter((file) => file && !untouched.test(file));
let changed = 0;
for (const file of files) {
  const path = join(project, file);
  const text = await Bun.file(path).text();
  const [newText, newFile] = [renamed(text, one, many), renamed(file, one, many)];
  if (newText === text && newFile === file) continue;
  await Bun.write(path, newText);
  await mkdir(dirname(join(project, newFile)), { recursive: true });
  await rename(path, join(project, newFile));
  changed += 1;
}

// Imports are sorted by their names.
const linter = await installLinters();
await $`${process.execPath} run --bun --silent biome check --write .`.cwd(project).quiet();
await $`${linter("ruff")} check --quiet --select I --fix . && ${linter("ruff")} format --quiet .`.cwd(project);
console.log(`${changed} files changed; see git diff`);
