import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { z } from "zod";
import { firstFault } from "../contract/first-fault.ts";
import { exitCodes, FinalError, messageOf, run } from "../runtime/lifecycle.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { type Config, configure } from "../sources/config.ts";
import { type Line, readLines, toLines } from "./lines.ts";
import { isDevice, openFile, openStdout, writeStdout } from "./output.ts";
import { logRejects, type Reject, rejectsBeside, rejectsFile } from "./rejects.ts";

/** One of the four tasks. */
export interface Task<Options = unknown> {
  name: string;
  usage: string;
  /** Its own flags, in addition to --output, --rejects and --help. */
  flags: ParseArgsOptionsConfig;
  /** Parses the flags' values; keys are the flags' names. */
  options: z.ZodType<Options>;
  /** @returns additional counts; `deleted` and `forgotten` are records that were read but not passed on */
  work(context: Context, options: Options): Promise<{ deleted?: number; forgotten?: number } & Record<string, unknown>>;
}

/** A task's dependencies. `read`, `write` and `reject` count records, and the counts must add up at the end. */
export interface Context {
  config: Config;
  log: Log;
  stop: AbortSignal;
  /** The lines of --input or stdin, as they arrive; each counts as read. */
  lines(input: string | undefined): AsyncIterable<Line[]>;
  /** Counts records that were read from elsewhere. */
  read(records: number): void;
  /** Passes records on. Await it for back-pressure. */
  write(records: readonly unknown[]): Promise<void>;
  reject(rejects: readonly Reject[]): Promise<void>;
}

const commonFlags = {
  output: { type: "string", short: "o" },
  rejects: { type: "string" },
  help: { type: "boolean", short: "h" },
} satisfies ParseArgsOptionsConfig;

/** Parses the flags, runs the task, prints the counts. Exit codes: 0 success, 1 transient error, 2 permanent error. */
export function runTask<Options>(task: Task<Options>, args: string[]): Promise<never> {
  return run(openLog(task.name), async (stop) => {
    const { output, rejects, help, ...values } = flagsOf(task, args);
    if (help) return writeStdout(task.usage);
    const options = task.options.safeParse(values);
    if (!options.success) throw new FinalError(`--${firstFault(options.error)}; see ${task.name} --help`);

    const { config, log } = configure(task.name);
    const { counts, fault } = await doWork(task, options.data, { config, log, stop }, output, rejects);

    if (fault) log.error("failed", { error: fault, retry: false });
    const line = `${JSON.stringify(counts)}\n`;
    if (output === undefined) process.stderr.write(line);
    else await writeStdout(line);
    if (fault) process.exit(exitCodes.final);
  });
}

/** Does the task's work. If too many records are rejected, returns a `fault` and discards only the output. */
async function doWork<Options>(
  task: Task<Options>,
  options: Options,
  base: Pick<Context, "config" | "log" | "stop">,
  outputPath: string | undefined,
  rejectsPath: string | undefined,
) {
  const isFile = outputPath !== undefined && !(await isDevice(outputPath));
  const beside = rejectsPath ?? (isFile ? rejectsBeside(outputPath) : undefined);
  const output = outputPath === undefined ? openStdout() : await openFile(outputPath);
  const rejects = beside === undefined ? logRejects(base.log) : rejectsFile(beside);
  const counts = { read: 0, written: 0, rejected: 0 };

  const context: Context = {
    ...base,
    async *lines(input) {
      // Ctrl-C reaches every stage of a shell pipeline: only the first stage stops, and the others drain their input.
      const signals = input === undefined ? ["SIGTERM"] : ["SIGTERM", "SIGINT"];
      for await (const lines of readLines(chunksOf(input, base.stop, signals))) {
        counts.read += lines.length;
        yield lines;
      }
    },
    read(records) {
      counts.read += records;
    },
    async write(records) {
      if (records.length > 0) await output.write(toLines(records));
      counts.written += records.length;
    },
    async reject(list) {
      await rejects.add(list);
      counts.rejected += list.length;
    },
  };

  try {
    const figures = await task.work(context, options);
    const { deleted = 0, forgotten = 0 } = figures;
    if (counts.read !== counts.written + counts.rejected + deleted + forgotten)
      throw new Error(`the counts do not add up: ${JSON.stringify({ ...counts, deleted, forgotten })}`);
    const fault = tooManyRejected(counts, base.config, beside ?? "the log");
    await rejects.commit();
    if (!fault) await output.commit();
    return { counts: { ...counts, ...figures, ...(isFile && !fault && { output: outputPath }) }, fault };
  } finally {
    await output.discard();
    await rejects.discard();
  }
}

/** A few invalid records are expected; if most are invalid, the input or the program is wrong. */
function tooManyRejected({ read, rejected }: { read: number; rejected: number }, { tasks }: Config, where: string) {
  if (rejected <= tasks.maxRejectedShare * read) return undefined;
  const limit = `more than tasks.maxRejectedShare, TASKS_MAX_REJECTED_SHARE, allows (${tasks.maxRejectedShare})`;
  return `rejected ${rejected} of ${read} records, ${limit}; each is in ${where} with its reason`;
}

/** Yields the chunks of a file or stdin. Throws when one of the signals arrives, even if no input does. */
async function* chunksOf(input: string | undefined, stop: AbortSignal, signals: string[]): AsyncGenerator<Uint8Array> {
  const file = input === undefined ? Bun.stdin : Bun.file(input);
  if (input !== undefined && !(await file.exists())) throw new FinalError(`--input ${input} does not exist`);
  const reader = file.stream().getReader();
  const isStopped = () => stop.aborted && signals.includes(stop.reason.signal);
  const cancel = () => void (isStopped() && reader.cancel());
  stop.addEventListener("abort", cancel);
  cancel();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  if (isStopped()) throw stop.reason;
}

function flagsOf(task: Pick<Task, "name" | "flags">, args: string[]) {
  try {
    const { values } = parseArgs({ args, options: { ...task.flags, ...commonFlags }, allowPositionals: false });
    return values as { output?: string; rejects?: string; help?: boolean } & Record<string, unknown>;
  } catch (error) {
    throw new FinalError(`${messageOf(error)}; see ${task.name} --help`);
  }
}

/** The --input flag and its schema, for tasks that read records. */
export const inputFlag = { input: { type: "string", short: "i" } } satisfies ParseArgsOptionsConfig;
export const inputOption = { input: z.string().min(1).optional() };

/** --at: an ISO 8601 time with an offset, converted to UTC with milliseconds. */
export const atOption = z.iso
  .datetime({ offset: true, error: "must be an ISO 8601 time with an offset, such as 2026-01-15T06:00:00Z" })
  .transform((at) => new Date(at).toISOString())
  .optional();
