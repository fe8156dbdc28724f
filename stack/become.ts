/** Runs another program in place of this process, which keeps its id and its terminal. */
export function become(argv: string[], env: Record<string, string | undefined>): never {
  const [file = ""] = argv;
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  process.execve?.(file, argv, Object.fromEntries(given));
  throw new Error(`${file} could not be run: this platform has no execve`);
}
