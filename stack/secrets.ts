import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Generated for each stack. The login of Airflow's UI (admin/admin) is public unless the stack is secure, so it is not among them. */
export interface Secrets {
  postgresSuperuser: string;
  postgresUsers: string;
  postgresAirflow: string;
  postgresRegistry: string;
  airflowJwtSecret: string;
  airflowApiSecretKey: string;
  airflowFernetKey: string;
  /** The key from which the passwords of a secure stack's principals are derived. */
  logins: string;
}

export const secretsFile = (folder: string) => join(folder, "secrets.json");

/** Reads the secrets, generates missing ones and saves them in the file, readable only by its owner (mode 0600). */
export function loadSecrets(file: string): Secrets {
  const saved: Partial<Secrets> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const secret = (bytes: number) => randomBytes(bytes).toString("base64url");
  const secrets: Secrets = {
    postgresSuperuser: secret(24),
    postgresUsers: secret(24),
    postgresAirflow: secret(24),
    postgresRegistry: secret(24),
    airflowJwtSecret: secret(32),
    airflowApiSecretKey: secret(32),
    airflowFernetKey: `${secret(32)}=`, // Fernet requires the base64 padding
    logins: secret(32),
    ...saved,
  };
  if (Object.keys(saved).length < Object.keys(secrets).length)
    writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
