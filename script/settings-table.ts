import { listSettings } from "../runtime/settings.ts";

/** The settings as a Markdown table, for README.md. */
function settingsTable(): string {
  const rows = listSettings().map(({ path, env, description, default: value }) => {
    const text = value === undefined ? "" : Array.isArray(value) ? value.join(",") : String(value);
    const shown = text && `\`${text}\``;
    return `| \`${path.join(".")}\` | \`${env}\` | ${shown} | ${description} |`;
  });
  return ["| config.yaml | variable | default | what it is |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/**
 * Replaces everything between `<!-- settings -->` and `<!-- /settings -->` with the table.
 * @throws Error if the markers are missing
 */
export function withSettingsTable(text: string): string {
  const [open, close] = ["<!-- settings -->", "<!-- /settings -->"];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`README.md has no block between ${open} and ${close}`);
  return `${text.slice(0, from + open.length)}\n${settingsTable()}\n${text.slice(to)}`;
}
