import { backup } from "./backup.ts";
import { fetch } from "./fetch.ts";
import { format } from "./format.ts";
import { produce } from "./produce.ts";
import type { Task } from "./task.ts";

/** The tasks in the DAG's order. The binary, its links and the images have those listed here. */
export const tasks = [fetch, format, backup, produce] as readonly Task[];
