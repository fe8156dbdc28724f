import { join } from "node:path";
import type { Instance } from "../../../stack/instance.ts";

/** Starts a server, whose output goes to a log in the instance's folder. */
export const start = (instance: Instance, name: string, argv: string[], cwd?: string) =>
  Bun.spawn(argv, {
    cwd,
    stdio: ["ignore", "ignore", Bun.file(join(instance.folder, "logs", `${name}.log`))],
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
