import { join } from "node:path";
import { Glob } from "bun";
import { ConfigError } from "../runtime/config.ts";
import type { SettingInfo } from "../runtime/setting.ts";

/**
 * The files derived from the settings, by name: sources/generated.ts from the files in sources/, then README.md's table,
 * the sources' part of config.yaml, and their variables in docker-compose.yml. Unless `check` is set, generated.ts is
 * written at once, since the others derive from what it lists. `faults` are those of config.yaml, such as settings that no
 * source or program declares.
 * @throws Error if a file has no block to write into
 */
export async function settingsFiles(
  project: string,
  check: boolean,
): Promise<{ files: Map<string, string>; faults: readonly string[] }> {
  const read = (name: string) => Bun.file(join(project, name)).text();
  const generated = "sources/generated.ts";
  const list = await listOfSources(join(project, "sources"));
  const files = new Map([[generated, list]]);
  const isStale = (await read(generated).catch(() => "")) !== list;
  if (isStale && check) return { files, faults: [] }; // what it lists may not even exist
  if (isStale) await Bun.write(join(project, generated), list);

  const { allSettings, resolveConfig, sourceSettings } = await import("../sources/config.ts");
  const config = await read("config.yaml");
  try {
    resolveConfig(config, {});
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { files, faults: error.faults };
  }
  files.set(
    "README.md",
    withBlock("README.md", await read("README.md"), "<!-- settings -->", settingsTable(allSettings)),
  );
  files.set("config.yaml", withBlock("config.yaml", config, "# [sources]", configBlock(sourceSettings, config)));
  const compose = await read("docker-compose.yml");
  files.set(
    "docker-compose.yml",
    withBlock("docker-compose.yml", compose, "# [sources]", composeBlock(sourceSettings, compose)),
  );
  return { files, faults: [] };
}

/** An export for every `export const NAME = defineSource(` in the folder. */
async function listOfSources(folder: string): Promise<string> {
  const files = [...new Glob("*.ts").scanSync(folder)].filter((name) => !name.endsWith(".test.ts")).sort();
  const exports: string[] = [];
  for (const file of files) {
    const text = await Bun.file(join(folder, file)).text();
    const names = [...text.matchAll(/^export const (\w+) = defineSource\(/gm)].map(([, name]) => name);
    if (names.length > 0) exports.push(`export { ${names.sort().join(", ")} } from "./${file}";\n`);
  }
  return `// Written by \`bun run contract\`: every source in this folder.\n${exports.join("")}`;
}

/** The settings as a Markdown table. */
function settingsTable(settings: readonly SettingInfo[]): string {
  const rows = settings.map(({ path, env, description, default: value }) => {
    const text = value === undefined ? "" : Array.isArray(value) ? value.join(",") : String(value);
    const shown = text && `\`${text}\``;
    return `| \`${path.join(".")}\` | \`${env}\` | ${shown} | ${description} |`;
  });
  return ["| config.yaml | variable | default | what it is |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** The settings as YAML with comments. A value that the file sets is kept; its own comments are not. */
function configBlock(settings: readonly SettingInfo[], config: string): string {
  const given = Bun.YAML.parse(config) as Record<string, Record<string, unknown> | null> | null;
  const lines: string[] = [];
  for (const { path, env, description, default: value, example = "" } of settings) {
    const [group = "", key] = path;
    const indent = key === undefined ? "" : "  ";
    if (key !== undefined && !lines.includes(`${group}:`)) lines.push("", `${group}:`);
    const set = (key === undefined ? given?.[group] : given?.[group]?.[key]) ?? value;
    lines.push(`${indent}# ${description} [${env}]`);
    lines.push(`${indent}${set === undefined ? "# " : ""}${key ?? group}: ${scalar(set ?? example)}`);
  }
  return lines.join("\n");
}

/** A YAML value, in quotes only where it needs them. */
function scalar(value: unknown): string {
  const plain = String(value);
  const isPlain = typeof value === "string" && Bun.deepEquals(Bun.YAML.parse(`key: ${plain}`), { key: value });
  return isPlain ? plain : JSON.stringify(value);
}

/** The settings' variables as .env sets them, but for those that the compose file sets itself. */
function composeBlock(settings: readonly SettingInfo[], compose: string): string {
  const variables = settings.map(({ env }) => env).filter((env) => !new RegExp(`^ +${env}: [^$]`, "m").test(compose));
  return variables.map((env) => `  ${env}: \${${env}:-}`).join("\n");
}

/**
 * Replaces the lines between the one that ends with `open` and the one that ends with its closing form.
 * @throws Error if they are missing
 */
function withBlock(file: string, text: string, open: string, content: string): string {
  const close = open.replace(/(?=\w)/, "/");
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`${file} has no block between ${open} and ${close}`);
  const [head, tail] = [text.indexOf("\n", from), text.lastIndexOf("\n", to)];
  return `${text.slice(0, head)}\n${content}${text.slice(tail)}`;
}
