import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** What only this stack knows. The login of Airflow's UI (admin/admin) is public and not among it. */
export interface Secrets {
  postgresSuperuser: string;
  postgresUsers: string;
  postgresAirflow: string;
  postgresRegistry: string;
  airflowJwtSecret: string;
  airflowApiSecretKey: string;
  airflowFernetKey: string;
}

/** Reads the file, and makes what it lacks, itself included, for its owner's eyes alone (mode 0600). */
export function keepSecrets(file: string): Secrets {
  const kept: Partial<Secrets> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const secret = (bytes: number) => randomBytes(bytes).toString("base64url");
  const secrets: Secrets = {
    postgresSuperuser: secret(24),
    postgresUsers: secret(24),
    postgresAirflow: secret(24),
    postgresRegistry: secret(24),
    airflowJwtSecret: secret(32),
    airflowApiSecretKey: secret(32),
    airflowFernetKey: `${secret(32)}=`, // Fernet wants the padding of its 32 bytes
    ...kept,
  };
  if (Object.keys(kept).length < Object.keys(secrets).length)
    writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
