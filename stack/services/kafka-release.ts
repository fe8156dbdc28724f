import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { everyNode } from "../addresses.ts";
import { StackError } from "../failure.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { classPathOf } from "./java.ts";
import { loginOptions } from "./kafka-access.ts";
import { run } from "./run-tool.ts";

/**
 * Data of an earlier release keeps that release's format, without what has been added since, such as the transaction
 * protocol of 4.0, until it is upgraded. There is no way back to a Kafka of that release.
 */
export async function upgradeFormat(instance: Instance): Promise<void> {
  const release = releaseOf(instance);
  if (notedRelease(instance) === release) return;
  const brokers = everyNode(instance, instance.config.ports.kafka).join(",");
  const broker = ["--bootstrap-server", brokers, ...(await loginOptions(instance, "admin"))];
  const tool = [
    instance.installed.java,
    "-cp",
    classPathOf(instance, "connect"),
    "org.apache.kafka.tools.FeatureCommand",
  ];
  await run(instance, "kafka", [...tool, ...broker, "upgrade", "--release-version", release]);
  noteRelease(instance);
}

/** @throws StackError if the data has the format of a newer Kafka, which this one cannot read */
export function checkRelease(instance: Instance): void {
  const [noted, release] = [notedRelease(instance), releaseOf(instance)];
  if (noted === undefined || Bun.semver.order(`${noted}.0`, `${release}.0`) <= 0) return;
  throw new StackError(
    `the data in ${dataFolder(instance, "kafka")} has the format of Kafka ${noted}, which Kafka ${release} cannot read`,
    "Run a newer version of this project on it, or `bun run reset`, which deletes the stack's data.",
  );
}

/** Notes that the data has the format of the installed release. */
export const noteRelease = (instance: Instance) => writeFileSync(releaseFile(instance), releaseOf(instance));

/** Undefined if the data is new, or of Kafka 3.9, with which the stack did not note it. */
function notedRelease(instance: Instance): string | undefined {
  const file = releaseFile(instance);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

const releaseFile = (instance: Instance) => join(dataFolder(instance, "kafka"), "release");

/** Such as "4.4". */
function releaseOf({ installed }: Instance): string {
  const names = readdirSync(installed.bundle("kafka")).join("\n");
  const [, release] = /^kafka_2\.13-(\d+\.\d+)/m.exec(names) ?? [];
  if (release === undefined) throw new Error("the bundle `kafka` has no jar kafka_2.13");
  return release;
}
