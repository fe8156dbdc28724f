import { existsSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "../failure.ts";
import { servicesOf } from "../services/catalogue.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const logs: Command = {
  summary: "Show the last 100 lines of the log of a service or program",
  usage: "SERVICE [-f] [TAIL OPTION]...",
  options: { "-f": "follow the log" },
  async run(instance, [service, ...options]) {
    const programs = servicesOf(instance).flatMap(({ name, programs }) =>
      programs(instance).map((program) => ({ service: name, program: program.name })),
    );
    const selected = programs.filter((entry) => entry.service === service || entry.program === service);
    if (selected.length === 0)
      throw new StackError(
        service ? `Unknown service: ${service}` : "No service given",
        `Pass one of: ${[...new Set(programs.flatMap((entry) => [entry.service, entry.program]))].join(", ")}.`,
      );
    const files = selected
      .map(({ program }) => join(instance.folder, "logs", `${program}.log`))
      .filter((file) => existsSync(file));
    return exec(["tail", "-n", "100", ...options, ...files], instance);
  },
};
