import { Counter, Gauge, Registry } from "prom-client";

/** A metrics registry with the metrics of the process: memory, CPU and start time. */
export function openMetrics(): Registry {
  const registers = [new Registry()] as [Registry];
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process. A steady rise is a leak.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process. A rise of 1 a second is one busy core.",
    registers,
    collect() {
      const [own = 0, system = 0] = Object.values(process.cpuUsage());
      this.reset();
      this.inc((own + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, seconds since 1970. A rise is a restart.",
    registers,
  }).set(Math.round(Date.now() / 1_000 - process.uptime()));
  return registers[0];
}
