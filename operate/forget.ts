import { access, constants } from "node:fs/promises";
import { z } from "zod";
import { plural, singular } from "../contract/entity.ts";
import { operatorName } from "../operations/dead-letters/operator.ts";
import { type Clients, forget as forgetAll, type Report } from "../operations/forget/forget.ts";
import { postgresUrl, runsFolder, stackFolder, usesStack } from "../operations/native-stack.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openProgress, paint } from "../runtime/progress.ts";
import { openRegistry } from "../runtime/registry.ts";
import { tableText } from "../runtime/table.ts";
import { loadConfig, overridesIn } from "../sources/config.ts";
import { idOfRaw } from "../sources/raw-id.ts";
import { type Command, exitCodes, jsonOption } from "./command.ts";

interface Given {
  ids?: string[];
  check?: boolean;
  compacted?: boolean;
  json?: boolean;
}

export const forget: Command<Given> = {
  name: "forget [ids..]",
  summary: `Take ${plural} out of PostgreSQL, Cassandra, the topics, the runs' files and the logs, for good`,
  detail:
    `A hash of each id is noted, which keeps the ${singular} from coming back. Without ids, everybody who was noted is ` +
    "taken out of where they are again, and what could not be done before is done. It can be stopped and run again at any time. " +
    "It cannot be undone.",
  options: (yargs) =>
    yargs
      .positional("ids", { type: "string", array: true, describe: `The ids of the ${plural}` })
      .option("check", { type: "boolean", describe: "Change nothing: say what is left of those who were forgotten" })
      .option("compacted", {
        type: "boolean",
        describe: "Cassandra's table has been compacted on all nodes, by the commands that this one has named",
      })
      .option("json", jsonOption)
      .check(({ ids = [], check }) => {
        const wrong = ids.find((id) => !z.guid().safeParse(id).success);
        if (wrong !== undefined) throw new Error(`${wrong}: must be an id, a UUID; \`where\` finds it`);
        if (check && ids.length > 0) throw new Error("--check looks at everybody who was forgotten; leave out the ids");
        return true;
      })
      .example("$0 forget ID", `takes out this ${singular}`)
      .example("$0 forget", "goes on with what was left")
      .example("$0 forget --check", "says what is left"),
  exits: { 0: "nothing is left of them", 1: "something is left, for the reason shown", 2: "a service does not answer" },
  async run({ ids = [], check = false, compacted = false, json = false }) {
    const config = loadConfig();
    for (const sentence of overridesIn(config)) console.error(sentence);
    const clients = openClients(config);
    const { admin, producer, cassandra, sql } = clients;
    const progress = openProgress();
    try {
      await Promise.all([admin.connect(), producer.connect()]);
      const report = await forgetAll(clients, {
        ids: ids.map((id) => id.toLowerCase()),
        by: operatorName(),
        apply: !check,
        isCompacted: compacted,
        runsDir: await writableRuns(),
        stack: usesStack(config) ? stackFolder() : null,
        idOfLine: idOfRaw,
        onProgress: (place, text, isDone) => (isDone ? progress.done(place, text) : progress.start(place, text)),
        stop: new AbortController().signal,
      });
      progress.end();
      console.log(json ? JSON.stringify(report) : textOf(report, check));
      const isLeft = report.left.length > 0 || (check && report.places.some(({ found }) => found > 0));
      return isLeft ? exitCodes.found : exitCodes.fine;
    } finally {
      progress.end();
      const closing = [admin.disconnect(), producer.disconnect(), cassandra.shutdown(), sql.end({ timeout: 2 })];
      await Promise.allSettled(closing);
    }
  },
};

/** The folder of the runs; null if there is none, or if it cannot be written to. */
async function writableRuns(): Promise<string | null> {
  const folder = runsFolder();
  const isWritable =
    folder !== undefined &&
    (await access(folder, constants.W_OK).then(
      () => true,
      () => false,
    ));
  return isWritable ? folder : null;
}

function openClients(config: Config): Clients & { config: Config } {
  const log = openLog("forget", "error");
  const kafka = openKafka(config, "forget", log);
  return {
    kafka,
    admin: kafka.admin(),
    producer: kafka.producer({ allowAutoTopicCreation: false }),
    registry: openRegistry(config.schemaRegistry),
    cassandra: openCassandra(config, "forget", 60_000),
    sql: openPostgres({ ...config.postgres, url: postgresUrl(config) }, 3),
    config,
    log,
  };
}

function textOf({ forgotten, places, left }: Report, isCheck: boolean): string {
  const people = `${forgotten} ${forgotten === 1 ? singular : plural}`;
  if (forgotten === 0) return "nobody was ever forgotten";
  const rows = places.map(({ place, found, unit }) => [place, found, unit]);
  const lines = [tableText(["place", isCheck ? "found" : "removed", ""], rows), ""];
  for (const { what, cure } of left)
    lines.push(`${paint("yellow", "left", process.stdout)}  ${what}`, `      ${cure}`, "");
  const isFound = isCheck && places.some(({ found }) => found > 0);
  lines.push(
    left.length === 0 && !isFound
      ? `${paint("green", "✔", process.stdout)} nothing is left of the ${people} who were forgotten`
      : `${paint("yellow", "…", process.stdout)} ${people} forgotten; not yet out of everything`,
  );
  return lines.join("\n");
}
