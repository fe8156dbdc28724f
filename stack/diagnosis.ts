import { diagnose, type Scope } from "../operations/doctor/doctor.ts";
import { textOf } from "../operations/doctor/finding.ts";
import { allSettings, loadConfig } from "../sources/config.ts";
import { environmentOf } from "./environment.ts";
import { StackError } from "./failure.ts";
import { type Instance, project } from "./instance.ts";

/** How long a command may take longer because of doctor, in milliseconds. */
const withinMs = 2_500;

/** The first line of what doctor finds on this stack, and how many more there are; undefined if it finds nothing. */
export async function diagnosisOf(instance: Instance, scope: Partial<Scope> = {}): Promise<string | undefined> {
  const { folder, env: given } = instance;
  const env = { ...given, ...environmentOf(instance, "operate") };
  const config = loadConfig(env);
  const [first, ...others] = await diagnose(
    {
      config,
      env,
      postgresUrl: env.POSTGRES_URL,
      isNative: true,
      stack: { folder, project, settings: allSettings },
      given: { settings: allSettings, file: config.file, faults: [], env: given },
    },
    { withinMs, skipsLate: true, ...scope },
  );
  if (first === undefined) return undefined;
  const more = others.length > 0 ? ` (\`bun run doctor\` has ${others.length} more)` : "";
  return `${first.severity.padEnd(9)}${textOf(first)}${more}`;
}

/** Adds to an error what doctor says of its cause, unless the user has interrupted the command. */
export async function addDiagnosis(error: unknown, instance: Instance, stop: AbortSignal, scope?: Partial<Scope>) {
  if (!(error instanceof StackError) || error.diagnosis !== undefined || stop.aborted) return;
  error.diagnosis = await diagnosisOf(instance, scope).catch(() => undefined);
}
