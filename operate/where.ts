import { namingFields, singular } from "../contract/entity.ts";
import { postgresUrl, runsFolder } from "../operations/native-stack.ts";
import { type Clients, connectToKafka, type Progress } from "../operations/where/facts.ts";
import { idsOf, type Named, type Report, whereIs } from "../operations/where/where.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openProgress } from "../runtime/progress.ts";
import { openRegistry } from "../runtime/registry.ts";
import { loadConfig, overridesIn } from "../sources/config.ts";
import { type Command, type ExitCode, jsonOption } from "./command.ts";
import { reportText } from "./where-text.ts";

interface Given {
  user: string;
  thorough?: boolean;
  json?: boolean;
}

const names = ["id", ...namingFields].join(", ");

export const where: Command<Given> = {
  name: "where <user>",
  summary: `Show everything known about one ${singular}: its run, files, rows and records, as a timeline`,
  detail:
    `Records are found in the partition of the ${singular}'s key around the times that its files and rows tell; smaller ` +
    "partitions are read whole. Without --thorough, what was read is at the end. Times are UTC.",
  options: (yargs) =>
    yargs
      .positional("user", { type: "string", demandOption: true, describe: `Its ${names}` })
      .option("thorough", { type: "boolean", describe: "Read all partitions of the topics, and all runs' files" })
      .option("json", jsonOption)
      .check(({ user }) => {
        if (user.trim() === "" || user.length > 400)
          throw new Error(`${names}: one of them, of at most 400 characters`);
        return true;
      })
      .example("$0 where rachel@example.com", "the history of each with this address")
      .example("$0 where beautifulfish935 --json", "the same for programs"),
  exits: { 0: "found", 1: "not found", 2: "nothing could be asked" },
  run: ({ user, thorough = false, json = false }) =>
    withClients(async (clients) => {
      const { onProgress, end } = lazyProgress();
      const opened = connectToKafka(clients.kafka); // while the id is looked up
      try {
        const named = await idsOf(clients, user.trim(), { thorough, onProgress });
        const reports: Report[] = [];
        for (const id of named.ids) reports.push(await whereIs(clients, id, { thorough, onProgress, opened }));
        end();
        if (json) console.log(JSON.stringify({ user, away: named.away, users: reports }, withoutBigints));
        else console.log(reportText(user, named, reports));
        return exitCodeOf(named, reports);
      } finally {
        end();
        opened.close();
      }
    }),
};

const longMs = 1_000;

/** Progress on stderr, in steps of 10 %, once it takes long. */
function lazyProgress() {
  const begin = performance.now();
  let progress: ReturnType<typeof openProgress> | undefined;
  return {
    onProgress(what: string, { read, of, unit }: Progress) {
      if (!progress && performance.now() - begin < longMs) return;
      progress ??= openProgress();
      if (read < of) progress.start(what, `${Math.floor((10 * read) / of) * 10} % of ${of} ${unit} read`);
      else progress.done(what, `${of} ${unit} read`);
    },
    end: () => progress?.end(),
  };
}

const services = ["PostgreSQL", "Cassandra", "Kafka"];

/** Without the services, the runs' files do not tell whether somebody exists. */
function exitCodeOf(named: Named, reports: readonly Report[]): ExitCode {
  if (reports.some(({ isFound }) => isFound)) return 0;
  const away =
    reports.length === 0
      ? ["Kafka", ...named.away.map(({ service }) => service)]
      : (reports[0]?.away ?? []).map(({ service }) => service);
  return services.every((service) => away.includes(service)) ? 2 : 1;
}

const withoutBigints = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

async function withClients<T>(work: (clients: Clients) => Promise<T>): Promise<T> {
  const config = loadConfig();
  for (const sentence of overridesIn(config)) console.error(sentence);
  const log = openLog("where", "fatal");
  const sql = openPostgres({ ...config.postgres, url: postgresUrl(config) }, 3);
  const cassandra = openCassandra(config, "where", 10_000);
  try {
    cassandra.connect().catch(() => {}); // while PostgreSQL is asked; the first query reports the error
    const registry = openRegistry(config.schemaRegistry);
    const kafka = openKafka(config, "where", log, 1);
    return await work({ kafka, sql, cassandra, registry, runsFolder: runsFolder(), config, log });
  } finally {
    await Promise.allSettled([sql.end({ timeout: 1 }), cassandra.shutdown()]);
  }
}
