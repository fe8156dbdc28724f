/** One binary for all four tasks, selected by its file name or its first argument. */
import { basename } from "node:path";
import { exitCodes } from "../runtime/lifecycle.ts";
import { backup } from "./backup.ts";
import { fetch } from "./fetch.ts";
import { format } from "./format.ts";
import { produce } from "./produce.ts";
import { runTask, type Task } from "./task.ts";

const tasks = new Map([fetch, format, backup, produce].map((task) => [task.name, task as Task]));

const args = process.argv.slice(2);
const named = tasks.get(basename(process.argv0));
const task = named ?? tasks.get(args.shift() ?? "");
if (task) void runTask(task, args);
else {
  process.stderr.write(`usage: ${[...tasks.keys()].join("|")} [OPTION]...; each task has --help\n`);
  process.exit(exitCodes.final);
}
