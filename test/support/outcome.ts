/** What a process started with both outputs piped has printed by its end, and its exit code. */
export async function outcomeOf(command: Bun.Subprocess<"ignore", "pipe", "pipe">) {
  const [stdout, stderr, code] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
    command.exited,
  ]);
  return { code, stdout, stderr };
}
