import type { Instance } from "./instance.ts";

/** host:port of one of the stack's services, all of which listen only on loopback. */
export const local = (port: number) => `127.0.0.1:${port}`;

/** The URL of one of the stack's databases; services/postgres.ts creates the roles. */
export const postgresUrl = (
  { config }: Pick<Instance, "config">,
  { user, password, database }: { user: string; password: string; database: string },
) => `postgres://${user}:${password}@${local(config.ports.postgres)}/${database}`;
