import { existsSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { environmentOf } from "../environment.ts";
import { installSpark, sparkOf } from "../install/install.ts";
import { dataFolder, type Instance, project } from "../instance.ts";
import { scriptOf } from "../supervisor/configuration.ts";
import type { Service } from "./service.ts";

/** A standalone cluster of one master and one worker, enabled by `up --spark`. */
export const spark: Service = {
  name: "spark",
  title: "Spark",
  dependsOn: [],
  ports: ["sparkMaster", "sparkUi", "sparkWorkerUi"],
  isEnabled: (instance) => existsSync(marker(instance)),
  address: (instance) => `${sparkMasterOf(instance)}, UI ${environmentOf(instance).SPARK_UI_URL}`,

  async prepare(instance) {
    await installSpark(instance.env);
    writeJobScript(instance);
  },

  programs: (instance) => {
    const { sparkMaster, sparkUi, sparkWorkerUi } = instance.config.ports;
    const listen = (port: number, ui: number) => [
      "--host",
      "localhost",
      "--port",
      String(port),
      "--webui-port",
      String(ui),
    ];
    return [
      {
        name: "spark-master",
        argv: sparkClass(instance, "Master", listen(sparkMaster, sparkUi)),
        cwd: dataFolder(instance, "spark"),
        env: sparkEnvironment(instance),
        ready: async () => void (await clusterOf(instance)),
      },
      {
        name: "spark-worker",
        argv: sparkClass(instance, "Worker", [
          ...listen(0, sparkWorkerUi),
          ...["--cores", String(cpus().length), "--memory", "2g"],
          sparkMasterOf(instance),
        ]),
        cwd: dataFolder(instance, "spark"),
        env: { ...sparkEnvironment(instance), SPARK_WORKER_OPTS: "-Dspark.worker.cleanup.enabled=true" },
        ready: async () => {
          if ((await clusterOf(instance)).aliveworkers === 0) throw new Error("no worker has joined the master yet");
        },
      },
    ];
  },
};

export const enableSpark = (instance: Instance) => writeFileSync(marker(instance), "");
export const disableSpark = (instance: Instance) => rmSync(marker(instance), { force: true });
const marker = ({ folder }: Instance) => join(folder, "run", "spark-wanted");

export const sparkMasterOf = (instance: Instance) => environmentOf(instance).SPARK_MASTER_URL;

interface Cluster {
  aliveworkers: number;
  activeapps: { name: string; state: string }[];
}

/** The cluster's state as reported by the master. @throws if the master does not respond */
export async function clusterOf(instance: Instance): Promise<Cluster> {
  const response = await fetch(`${environmentOf(instance).SPARK_UI_URL}/json/`, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`Spark's master responded with status ${response.status}`);
  return (await response.json()) as Cluster;
}

/** The environment of Spark's programs. */
export function sparkEnvironment(instance: Instance): Record<string, string> {
  const { python, home } = sparkOf(instance.env);
  return {
    JAVA_HOME: instance.installed.java17Home,
    SPARK_HOME: home,
    SPARK_CONF_DIR: join(project, "spark", "conf"),
    SPARK_LOCAL_IP: "127.0.0.1",
    SPARK_PUBLIC_DNS: "localhost",
    SPARK_DAEMON_MEMORY: "192m",
    SPARK_DAEMON_JAVA_OPTS: "-XX:+UseSerialGC",
    SPARK_WORKER_DIR: join(dataFolder(instance, "spark"), "work"),
    PYSPARK_PYTHON: python,
  };
}

/** A daemon of the cluster. spark-class replaces itself with the JVM, so supervisor manages the JVM's process. */
const sparkClass = ({ env }: Instance, daemon: "Master" | "Worker", args: string[]) => [
  join(sparkOf(env).home, "bin", "spark-class"),
  `org.apache.spark.deploy.${daemon.toLowerCase()}.${daemon}`,
  ...args,
];

/** Writes `SPARK_JOB`, a script that submits the job to this stack and needs no other knowledge of it. */
function writeJobScript(instance: Instance) {
  const argv = [process.execPath, join(project, "stack", "main.ts"), "spark"];
  const script = scriptOf({ name: "spark-job", argv, cwd: project, env: environmentOf(instance, "spark") }, instance);
  writeFileSync(environmentOf(instance).SPARK_JOB, `${script.trimEnd()} "$@"\n`, { mode: 0o700 });
}
