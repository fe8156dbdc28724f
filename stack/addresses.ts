import type { Instance } from "./instance.ts";

/** host:port of a service of the stack. Everything listens on loopback only. */
export const local = (port: number) => `127.0.0.1:${port}`;

/** The URL of one of the stack's databases. Users are created by services/postgres.ts. */
export const postgresUrl = (
  { config }: Pick<Instance, "config">,
  { user, password, database }: { user: string; password: string; database: string },
) => `postgres://${user}:${password}@${local(config.ports.postgres)}/${database}`;
