import type { Company } from "./test-files.ts";

/**
 * Runs all files, each by `run`: first, two at a time, those that may run beside others, of which at most one is of those
 * that run in turn; then, one by one, those that run alone. After an error of `run` no further file begins.
 * @throws the first error of `run`, once no file is running
 */
export async function runInLanes(
  files: readonly string[],
  companyOf: (file: string) => Company,
  run: (file: string) => Promise<void>,
): Promise<void> {
  const queueOf = (company: Company) => files.filter((file) => companyOf(file) === company);
  const [inTurn, beside, alone] = [queueOf("in turn"), queueOf("beside others"), queueOf("alone")];
  const errors: unknown[] = [];

  async function lane(...queues: string[][]) {
    const next = () => (errors.length > 0 ? undefined : queues.find((queue) => queue.length > 0)?.shift());
    for (let file = next(); file !== undefined; file = next()) await run(file).catch((error) => errors.push(error));
  }
  await Promise.all([lane(inTurn, beside), lane(beside)]);
  await lane(alone);
  if (errors.length > 0) throw errors[0];
}
