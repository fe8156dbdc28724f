import { join } from "node:path";
import type { Instance } from "../instance.ts";
import type { Program } from "../services/service.ts";

/**
 * The shell script that supervisor runs for a program. A script avoids quoting in supervisor's configuration format, and
 * can also be run by hand. It may contain secrets, so it must have mode 0700.
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

// supervisord.py retries a failing start indefinitely, with pauses that grow up to this.
const maxRetryPauseSeconds = 30;

interface Place {
  /** The stack's folder. */
  folder: string;
  socket: string;
  /** The size at which a program's log begins a new file. */
  logMegabytes: number;
}

/** supervisor's configuration. Programs do not start automatically: `up` starts each after its dependencies. */
export function configurationOf(programs: Program[], { folder, socket, logMegabytes }: Place): string {
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
startretries=${maxRetryPauseSeconds}
stopsignal=${program.stopSignal ?? "TERM"}
stopwaitsecs=${program.stopWithinSeconds ?? 15}
stopasgroup=${!program.stopsItsChildren}
killasgroup=true
redirect_stderr=true
stdout_logfile=${literal(join(folder, "logs", `${program.name}.log`))}
stdout_logfile_maxbytes=${logMegabytes}MB
stdout_logfile_backups=2
`,
    ),
  ].join("\n");
}

/** Quotes a word for a POSIX shell. */
export const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** Escapes `%`, since supervisor's configuration expands %(name)s. */
const literal = (text: string) => text.replaceAll("%", "%%");
