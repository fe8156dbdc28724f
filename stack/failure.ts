/** A failure that a person can mend: what happened, to which thing, what to do, and the log that tells more. */
export class StackError extends Error {
  override name = "StackError";
  constructor(
    message: string,
    readonly remedy: string,
    readonly logTail: string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
