import { readFileSync } from "node:fs";
import type { Server } from "bun";

interface Options {
  host: string;
  port: number;
  /** PEM files of a certificate and its key: HTTPS instead of HTTP. The settings have been checked by then. */
  tls: { certificateFile?: string; keyFile?: string };
  fetch: (request: Request, server: Server<undefined>) => Response | Promise<Response>;
}

/** Serves a program's pages. A request may be silent for two minutes: a stream of events has a heartbeat of its own. */
export function openHttpServer({ host, port, tls: { certificateFile, keyFile }, fetch }: Options) {
  const tls =
    certificateFile !== undefined && keyFile !== undefined
      ? { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
      : undefined;
  return Bun.serve({ hostname: host, port, idleTimeout: 120, fetch, ...(tls && { tls }) });
}

/** Whether only this machine can reach what listens on a host. */
export const isLoopback = (host: string) => /^(localhost|127\.|::1$)/.test(host);
