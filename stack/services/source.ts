import { local } from "../addresses.ts";
import { usesEmbeddedSource } from "../instance.ts";
import { ownProgram } from "./own-program.ts";
import type { Service } from "./service.ts";

/** The embedded source, which responds like randomuser.me. Not run if another source is set. */
export const source: Service = {
  name: "source",
  title: "Embedded source",
  dependsOn: [],
  ports: ["source"],
  isEnabled: usesEmbeddedSource,
  address: ({ config }) => `http://${local(config.ports.source)}/api/1.4/`,
  programs: (instance) => [
    ownProgram(instance, "source", "sources/embedded/main.ts", `http://${local(instance.config.ports.source)}/healthz`),
  ],
};
