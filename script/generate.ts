/**
 * `bun run contract`: generates contract/generated/ from the contract and the API's operations; the list of sources from
 * the files in sources/; and what depends on the settings (settings-files.ts) from their schema.
 *
 * With `--publish` it also keeps the Avro schemas as versions, to be done before they are deployed: from then on no field
 * may be removed, renamed or changed, since topics and tables have its values. With `--check` it writes nothing, and
 * fails if a file is out of date. It always fails if a published version forbids the change, or a field has no type that
 * all formats have.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { breaksWith, type NamedSchema, sameBytes } from "./schema-compatibility.ts";

const project = join(import.meta.dir, "..");
const versions = "contract/generated/versions";
const flags = process.argv.slice(2);
const [flag] = flags;
if (flags.length > 1 || (flag !== undefined && flag !== "--check" && flag !== "--publish"))
  fail([`usage: contract [--check | --publish]; not ${flags.join(" ")}`]);

// Imported here, since the contract throws if it cannot be mapped.
const {
  schemas,
  files,
  faults: misfits,
  rollOut,
} = await import("./generated-files.ts")
  .then(({ generatedFiles }) => generatedFiles(project, flag === "--check"))
  .catch((error: Error) => fail([error.message]));

const faults = [...misfits];
const unpublished = new Map<string, string>();
for (const { topic, avsc } of schemas) {
  const published = await publishedVersions(topic);
  faults.push(...breaksWith(avsc, published));
  const next = `${versions}/${topic}.${Math.max(0, ...published.map(({ version }) => version)) + 1}.avsc`;
  if (!published.some(({ text }) => sameBytes(text, avsc))) unpublished.set(next, avsc);
}
if (flag === "--check") faults.push(...(await outdated()));
if (faults.length > 0) fail([...new Set(faults)]);

if (flag === "--publish") for (const [name, text] of unpublished) files.set(name, text);
if (flag !== "--check") for (const [name, text] of files) await Bun.write(join(project, name), text);

const names = [...unpublished.keys()].join(" and ");
if (flag === "--publish")
  console.log(names === "" ? "The schemas are already published." : `Published as ${names}. ${rollOut}`);
else if (names !== "")
  console.log("A schema differs from its published versions: run `bun run contract --publish` before deploying it.");

function fail(sentences: string[]): never {
  for (const sentence of sentences) console.error(sentence);
  process.exit(2);
}

async function outdated(): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, text] of files) {
    const file = Bun.file(join(project, name));
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(name);
  }
  return stale.map((name) => `${name} is out of date: run \`bun run contract\``);
}

/** The published versions of a topic's schema. */
async function publishedVersions(topic: string): Promise<(NamedSchema & { version: number })[]> {
  const names = await readdir(join(project, versions)).catch(() => []);
  const numbered = names
    .filter((name) => name.startsWith(`${topic}.`))
    .map((name) => ({ name, version: Number(name.slice(topic.length + 1).replace(/\.avsc$/, "")) }))
    .sort((one, other) => one.version - other.version);
  return Promise.all(
    numbered.map(async (file) => ({ ...file, text: await Bun.file(join(project, versions, file.name)).text() })),
  );
}
