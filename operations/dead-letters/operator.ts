/** The name of the account that runs this program; if it has none, as in a container, `unnamed`, by default its number. */
export function operatorName(unnamed = `uid ${process.getuid?.()}`): string {
  try {
    return Bun.spawnSync(["id", "-un"]).stdout.toString().trim() || unnamed; // userInfo() believes the environment
  } catch {
    return unnamed; // there is no such program
  }
}
