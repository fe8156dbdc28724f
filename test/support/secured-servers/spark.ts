import { join } from "node:path";
import { installSpark, sparkOf } from "../../../stack/install/install.ts";
import { openInstance, project } from "../../../stack/instance.ts";
import { sparkEnvironment } from "../../../stack/services/spark.ts";
import { plainEnvironment } from "../plain-environment.ts";
import type { SecuredClients } from "./clients.ts";

/** Runs Spark's job in one process, on what is there now, with a client's settings. */
export async function runSparkJob(
  { settingsWith }: Pick<SecuredClients, "settingsWith">,
  folder: string,
  more: Record<string, string>,
) {
  const instance = await openInstance({ ...plainEnvironment(), STACK_DIR: folder });
  await installSpark(instance.env);
  const { home, jars } = sparkOf(instance.env);
  const settings = {
    "spark.driver.extraClassPath": join(jars, "*"),
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
  };
  const job = Bun.spawn(
    [
      join(home, "bin", "spark-submit"),
      ...["--master", "local[2]", "--driver-memory", "512m", "--driver-java-options", "-XX:+UseSerialGC"],
      ...Object.entries(settings).flatMap(([name, value]) => ["--conf", `${name}=${value}`]),
      join(project, "spark", "user_stream.py"),
      ...["--available-now", "--metrics-port", "0", "--checkpoint", join(folder, "checkpoint")],
    ],
    {
      cwd: project,
      env: { ...settingsWith(more), ...sparkEnvironment(instance), PATH: process.env.PATH, TMPDIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [code, stdout, stderr] = await Promise.all([job.exited, job.stdout.text(), job.stderr.text()]);
  return { code, log: stdout + stderr };
}
