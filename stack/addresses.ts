import type { Instance } from "./instance.ts";

/** host:port of a service of the stack. Everything listens on loopback only. */
export const local = (port: number) => `127.0.0.1:${port}`;

/** PostgreSQL's superuser: the stack itself, and tests. */
export const superuser = "postgres";

export const postgresUrl = (
  { config }: Pick<Instance, "config">,
  { role, password, database }: { role: string; password: string; database: string },
) => `postgres://${role}:${password}@${local(config.ports.postgres)}/${database}`;

export const superuserUrl = (instance: Pick<Instance, "config" | "secrets">, database: string) =>
  postgresUrl(instance, { role: superuser, password: instance.secrets.postgresSuperuser, database });
