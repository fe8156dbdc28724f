import { configureSync, getLogfmtFormatter, getLogger, type Logger, type LogLevel } from "@logtape/logtape";

export type Log = Logger;

/**
 * The program's log: events with properties, one logfmt line each, on stderr because stdout is for records.
 * Never log personal data: an id is enough to find the user.
 */
export function openLog(program: string, lowestLevel: LogLevel = "info"): Log {
  const format = getLogfmtFormatter();
  configureSync({
    reset: true,
    sinks: { stderr: (record) => void process.stderr.write(format(record)) },
    loggers: [
      { category: program, lowestLevel, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  return getLogger(program);
}
