import { FinalError } from "./lifecycle.ts";
import { operatorCommand } from "./operator-command.ts";

/** Something that a server lacks, and the statement that an administrator runs. */
export interface MissingThing {
  what: string;
  statement: string;
}

/** Somebody with more rights has to act, as the message says. A task ends with it; a service waits. */
export class NeedsAdministrator extends FinalError {
  override name = "NeedsAdministrator";
}

/** What a program needs and may not create, since `manageSchema` is false. */
export class MissingSchema extends NeedsAdministrator {
  override name = "MissingSchema";
  constructor(readonly things: readonly MissingThing[]) {
    super(
      `manageSchema is false (MANAGE_SCHEMA), and this is missing: ${things.map(({ what }) => what).join(", ")}. ` +
        `Have an administrator run: ${things.map(({ statement }) => statement).join(" && ")} ` +
        `(${operatorCommand("migrate --show")} prints everything that the pipeline needs)`,
    );
  }
}

/**
 * All results of work that goes on at once.
 * @throws one MissingSchema with all that is missing, unless something else failed
 */
export async function together<A, B>(...work: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  const outcomes = await Promise.allSettled(work);
  const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  const other = failures.find((failure) => !(failure instanceof MissingSchema));
  if (other !== undefined) throw other;
  if (failures.length > 0) throw new MissingSchema(failures.flatMap((failure) => (failure as MissingSchema).things));
  return Promise.all(work);
}
