import { environmentOf } from "../environment.ts";
import { ownProgram } from "./own-program.ts";
import type { Service } from "./service.ts";

/** Shows the whole pipeline, also while other services are away. */
export const consoleService: Service = {
  name: "console",
  title: "Console",
  dependsOn: [],
  ports: ["console"],
  address: (instance) => environmentOf(instance).CONSOLE_URL,
  programs: (instance) => [
    ownProgram(instance, "console", "console/main.ts", `${environmentOf(instance).CONSOLE_URL}/healthz`),
  ],
};
