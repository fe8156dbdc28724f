import { userInfo } from "node:os";

/** The name of the account that runs the command; in a container it may have none. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER || `uid ${process.getuid?.()}`;
  }
}

/** Says why nothing seems to happen. */
export const onInterruption = () =>
  console.error("Another command settles letters at the moment, or Kafka failed; this one continues shortly.");
