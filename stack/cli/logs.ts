import { existsSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "../failure.ts";
import { servicesOf } from "../services/catalogue.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const logs: Command = {
  does: "Shows the end of the log of a service, or of one of its programs.",
  takes: "SERVICE [OPTION OF tail]…",
  options: { "-f": "follows the log" },
  async run(instance, [service, ...options]) {
    const programs = servicesOf(instance).flatMap(({ name, programs }) =>
      programs(instance).map((program) => ({ service: name, program: program.name })),
    );
    const wanted = programs.filter((entry) => entry.service === service || entry.program === service);
    if (wanted.length === 0)
      throw new StackError(
        service ? `No such service: ${service}` : "Which service?",
        `Name one of: ${[...new Set(programs.flatMap((entry) => [entry.service, entry.program]))].join(", ")}.`,
      );
    const files = wanted
      .map(({ program }) => join(instance.folder, "logs", `${program}.log`))
      .filter((file) => existsSync(file));
    return exec(["tail", "-n", "100", ...options, ...files], instance);
  },
};
