/** The name of the account that runs the command, or its number if it has no name, as in a container. */
export function operatorName(): string {
  const unnamed = `uid ${process.getuid?.()}`;
  try {
    return Bun.spawnSync(["id", "-un"]).stdout.toString().trim() || unnamed; // userInfo() believes the environment
  } catch {
    return unnamed; // there is no such program
  }
}

/** Says why nothing seems to happen. */
export const onInterruption = () =>
  console.error("Another command settles letters at the moment, or Kafka failed; this one continues shortly.");
