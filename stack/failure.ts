/** A failure that has a remedy: what happened and to which thing, the remedy, and the end of the relevant log. */
export class StackError extends Error {
  override name = "StackError";
  /** What doctor said when it happened. */
  diagnosis?: string;
  constructor(
    message: string,
    readonly remedy: string,
    readonly logTail: string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
