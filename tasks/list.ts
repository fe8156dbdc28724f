import type { Task } from "./task.ts";

/**
 * The tasks in the DAG's order, by name. The binary, its links and the images have those listed here. A task is loaded when
 * it is called: fetch and format start sooner without the clients of Kafka and the databases.
 */
export const tasks = new Map<string, () => Promise<unknown>>([
  ["fetch", async () => (await import("./fetch.ts")).fetch],
  ["format", async () => (await import("./format.ts")).format],
  ["backup", async () => (await import("./backup.ts")).backup],
  ["produce", async () => (await import("./produce.ts")).produce],
]) as ReadonlyMap<string, () => Promise<Task>>;
