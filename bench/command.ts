import { join } from "node:path";

export interface Timed {
  seconds: number;
  /** User and system time. */
  cpuSeconds: number;
  /** Peak resident memory. */
  peakBytes: number;
  output: string;
}

/** Runs `operate/main.ts` with these arguments, from its start to its end. @throws Error if its exit code is 2 or more */
export async function timeOperate(args: string[], env: Record<string, string>): Promise<Timed> {
  const begin = performance.now();
  const command = Bun.spawn([process.execPath, "operate/main.ts", ...args], {
    cwd: join(import.meta.dir, ".."),
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const messages = new Response(command.stderr).text();
  // The kernel's figure for an ended process includes its parent's memory at the fork; its status then has none.
  const peakBytesNow = async () =>
    1_024 * Number(/VmHWM:\s+(\d+)/.exec(await Bun.file(`/proc/${command.pid}/status`).text())?.[1] ?? 0);
  let peakBytes = 0;
  const watch = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await peakBytesNow().catch(() => 0));
  }, 100);
  const output = await new Response(command.stdout).text();
  clearInterval(watch);
  const code = await command.exited;
  if (code > 1) throw new Error(`operate ${args.join(" ")} exited with code ${code}:\n${await messages}`);
  const cpuSeconds = Number(command.resourceUsage()!.cpuTime.total) / 1e6;
  return { seconds: (performance.now() - begin) / 1_000, cpuSeconds, peakBytes, output };
}
