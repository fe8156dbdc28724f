import { join } from "node:path";
import type { Instance } from "../instance.ts";
import type { Program } from "../services/service.ts";

/**
 * What supervisor runs for a program: a script, so that environment and arguments are not bent by two formats, and so
 * that a person can run the very same thing by hand. It may hold secrets: keep it at mode 0700.
 */
export function scriptOf(program: Program, instance: Pick<Instance, "folder">): string {
  const variables = Object.entries(program.env ?? {}).map(([name, value]) => `export ${name}=${quote(value)}`);
  return [
    "#!/bin/sh",
    `cd ${quote(program.cwd ?? instance.folder)} || exit 1`,
    ...variables,
    `exec ${program.argv.map(quote).join(" ")}`,
    "",
  ].join("\n");
}

// A program that cannot run is started again and again, with pauses of up to this; see supervisord.py.
const longestPauseSeconds = 30;

/** Nothing starts by itself: `up` starts each program after what it depends on. */
export function configurationOf(programs: Program[], folder: string, socket: string): string {
  const run = join(folder, "run");
  return [
    `[supervisord]
pidfile=${literal(join(run, "supervisord.pid"))}
logfile=${literal(join(folder, "logs", "supervisord.log"))}
logfile_maxbytes=1MB
logfile_backups=1
childlogdir=${literal(run)}
umask=077

[unix_http_server]
file=${literal(socket)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
`,
    ...programs.map(
      (program) => `[program:${program.name}]
command=/bin/sh "${literal(join(run, `${program.name}.sh`))}"
autostart=false
autorestart=true
startsecs=1
startretries=${longestPauseSeconds}
stopsignal=${program.stopSignal ?? "TERM"}
stopwaitsecs=${program.stopWithinSeconds ?? 15}
stopasgroup=${!program.stopsItsChildren}
killasgroup=true
redirect_stderr=true
stdout_logfile=${literal(join(folder, "logs", `${program.name}.log`))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
`,
    ),
  ].join("\n");
}

/** One word for a POSIX shell. */
export const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** supervisor's configuration expands %(names)s. */
const literal = (text: string) => text.replaceAll("%", "%%");
