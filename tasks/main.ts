/** One binary for all tasks, selected by its file name or its first argument; `--list` prints their names. */
import { basename } from "node:path";
import { exitCodes } from "../runtime/lifecycle.ts";
import { tasks } from "./list.ts";
import { runTask } from "./task.ts";

const args = process.argv.slice(2);
const load = tasks.get(basename(process.argv0)) ?? tasks.get(args.shift() ?? "");
if (load) void runTask(await load(), args);
else {
  const names = [...tasks.keys()];
  const isList = process.argv[2] === "--list";
  if (isList) process.stdout.write(`${names.join("\n")}\n`);
  else process.stderr.write(`usage: ${names.join("|")} [OPTION]...; each task has --help\n`);
  process.exit(isList ? exitCodes.done : exitCodes.final);
}
