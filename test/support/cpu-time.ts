/** Does some work; `cpuMs` is the CPU time that it took, in milliseconds, however busy the machine is with other work. */
export function timed<T>(work: () => T): { result: T; cpuMs: number } {
  const begin = process.cpuUsage();
  const result = work();
  const micros = Object.values(process.cpuUsage(begin)).reduce((sum, each) => sum + each);
  return { result, cpuMs: micros / 1_000 };
}
