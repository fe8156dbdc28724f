/**
 * `bun postgres-alone.ts`: runs only PostgreSQL of the stack given by STACK_DIR and POSTGRES_PORT. Prints a JSON line
 * once it is ready, and stops it when stdin ends.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../runtime/until.ts";
import { superuserUrl } from "../../stack/addresses.ts";
import { openInstance } from "../../stack/instance.ts";
import { postgres } from "../../stack/services/postgres.ts";
import { clusterFolder, postgresFolder } from "../../stack/services/postgres-files.ts";
import { scriptOf } from "../../stack/supervisor/configuration.ts";

/** The JSON line. */
export interface PostgresAlone {
  pid: number;
  superuserUrl: string;
  /** The folder with all of its files, and the cluster in it. */
  folder: string;
  cluster: string;
}

if (import.meta.main) {
  const instance = await openInstance();
  await postgres.prepare?.(instance, new AbortController().signal);
  const [program] = postgres.programs(instance);
  if (!program) throw new Error("PostgreSQL has no program");
  const script = join(instance.folder, "run", "postgres.sh");
  writeFileSync(script, scriptOf(program, instance), { mode: 0o700 });
  const server = Bun.spawn(["/bin/sh", script], {
    stdio: ["ignore", "ignore", Bun.file(join(instance.folder, "logs", "postgres.log"))],
  });
  await until("PostgreSQL answers", async () => {
    await program.ready?.(instance);
    return true;
  });
  const started: PostgresAlone = {
    pid: server.pid,
    superuserUrl: superuserUrl(instance, "users"),
    folder: postgresFolder(instance),
    cluster: clusterFolder(instance),
  };
  console.log(JSON.stringify(started));
  await Bun.stdin.text();
  server.kill("SIGINT");
  process.exit(await server.exited);
}
