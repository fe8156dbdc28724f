/**
 * `bun run contract` writes contract/generated/ from the contract; `--check` writes nothing and fails where a file is
 * out of step, or where the Avro schema broke with a version that was published before: messages of that version may
 * still lie in a topic.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { breaksWith, sameBytes } from "./compatibility.ts";
import { createCql, createSql } from "./tables.ts";
import { usersCreated } from "./topics.ts";
import { avroSchema } from "./wire.ts";

const folder = join(import.meta.dir, "generated");
const versions = join(folder, "versions");
const check = process.argv.includes("--check");

const avsc = `${JSON.stringify(avroSchema, null, 2)}\n`;
const published = await publishedVersions();
const faults = breaksWith(avsc, published);

const files = new Map([
  [`${usersCreated}.avsc`, avsc],
  ["created_users.cql", `${createCql("spark_streams", "datacenter1", 1).join("\n\n")}\n`],
  ["created_users.sql", `${createSql}\n`],
]);
if (!published.some(({ text }) => sameBytes(text, avsc)))
  files.set(join("versions", `${usersCreated}.${published.length + 1}.avsc`), avsc);

if (check) {
  for (const [name, text] of files) {
    const file = Bun.file(join(folder, name));
    if (!(await file.exists()) || (await file.text()) !== text)
      faults.push(`contract/generated/${name} is out of step with the contract: run \`bun run contract\``);
  }
} else if (faults.length === 0) {
  await mkdir(versions, { recursive: true });
  for (const [name, text] of files) await Bun.write(join(folder, name), text);
}

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 2 : 0);

async function publishedVersions() {
  const names = await readdir(versions).catch(() => []);
  return Promise.all(names.sort().map(async (name) => ({ name, text: await Bun.file(join(versions, name)).text() })));
}
