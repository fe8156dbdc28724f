import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import { columns, type Sample } from "./sample.ts";

/** How often a sample is taken, in milliseconds, and how many are kept: an hour. */
export const sampleEveryMs = 5_000;
const maxSamples = 720;
const saveEveryMs = 60_000;

/** The samples of the last hour, oldest first. They outlive the console in a file. */
export interface LastHour {
  add: (sample: Sample) => void;
  /** Samples after that time, in milliseconds since 1970. */
  after: (timeMs: number) => readonly Sample[];
  /** Writes the file, whole or not at all. */
  save: () => Promise<void>;
}

const File = z.object({
  columns: z.tuple(columns.map((column) => z.literal(column)) as [z.ZodLiteral]),
  samples: z.array(z.tuple([z.number()], z.number().nullable()).refine((row) => row.length === columns.length)),
});

/** Reads what an earlier console has kept; without a folder nothing is kept. A damaged file is set aside. */
export async function openLastHour(folder: string | undefined, log: Log, nowMs = Date.now()): Promise<LastHour> {
  const file = folder && join(folder, "last-hour.json");
  const oldestMs = nowMs - maxSamples * sampleEveryMs;
  const samples = file ? (await read(file, log)).filter(({ atMs }) => atMs > oldestMs && atMs <= nowMs) : [];
  let savedMs = nowMs;
  let failure = "";

  async function save() {
    savedMs = Date.now();
    if (!file || !folder) return;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const beside = `${file}.${process.pid}`;
      await writeFile(beside, JSON.stringify({ columns, samples: rowsOf(samples) }));
      await rename(beside, file);
      failure = "";
    } catch (error) {
      const message = messageOf(error);
      if (message !== failure) log.warn("the last hour is not kept", { file, error: message });
      failure = message;
    }
  }

  return {
    add(sample) {
      samples.push(sample);
      while (samples.length > maxSamples) samples.shift();
      if (Date.now() - savedMs >= saveEveryMs) void save();
    },
    after: (timeMs) => samples.filter(({ atMs }) => atMs > timeMs),
    save,
  };
}

/** Samples as rows, with values in the order of `columns`. */
export const rowsOf = (samples: readonly Sample[]) => samples.map((sample) => columns.map((column) => sample[column]));

async function read(file: string, log: Log): Promise<Sample[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT")
      log.warn("the last hour cannot be read", { file, error: messageOf(error) });
    return [];
  }
  try {
    const { samples } = File.parse(JSON.parse(text));
    return samples.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])) as Sample);
  } catch (error) {
    const aside = `${file}.damaged`;
    log.warn("the last hour is damaged, and set aside", { file, aside, error: messageOf(error).split("\n")[0] });
    await rename(file, aside).catch(() => {});
    return [];
  }
}
