import postgres from "postgres";

export type Postgres = postgres.Sql;

/** A pool of at most `connections` connections; nothing is opened before the first query. */
export function openPostgres(url: string, connections = 2): Postgres {
  return postgres(url, {
    max: connections,
    connect_timeout: 10,
    onnotice: () => {}, // "relation already exists, skipping" is no news
    connection: { application_name: "user-automation" },
  });
}
