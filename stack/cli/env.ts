import { environmentOf } from "../environment.ts";
import { quote } from "../supervisor/configuration.ts";
import type { Command } from "./command-line.ts";

export const env: Command = {
  summary: 'Print all addresses and settings as shell variables, for eval "$(bun run --silent env)"',
  async run(instance) {
    for (const [name, value] of Object.entries(environmentOf(instance))) console.log(`export ${name}=${quote(value)}`);
    return 0;
  },
};
