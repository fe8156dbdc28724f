import { allSettings, loadConfig, overridesIn, shownOverride } from "../sources/config.ts";
import { environmentOf } from "./environment.ts";
import type { Instance } from "./instance.ts";

/** What the user sets to no effect, a sentence each: values in the file that a variable overrides, or the stack itself. */
export function overriddenSettings(instance: Instance): string[] {
  const { env } = instance;
  const own: Record<string, string> = environmentOf(instance);
  const inFile = new Set(loadConfig({ ...env, ...own }).overridden.map(({ key }) => key));
  const given = loadConfig(env);
  const byStack = allSettings
    .filter((setting) => !isDefault(setting, given)) // the project's own config.yaml has every default
    .map(({ path, env: name }) => ({ key: path.join("."), env: name }))
    .filter(
      ({ key, env: name }) => own[name] !== undefined && own[name] !== env[name] && (env[name] || inFile.has(key)),
    );
  const sentences = overridesIn(given);
  if (byStack.length > 0)
    sentences.push(`The stack uses its own services and ignores: ${byStack.map(shownOverride).join(", ")}`);
  return sentences;
}

function isDefault({ path, default: value }: (typeof allSettings)[number], given: object): boolean {
  const set = path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], given);
  return value !== undefined && Bun.deepEquals(set, value);
}
