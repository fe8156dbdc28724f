import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FinalError, messageOf, TransientError } from "../runtime/lifecycle.ts";

/** A task's output. */
export interface Output {
  write(text: string): Promise<void>;
  /** Makes the output final. */
  commit(): Promise<void>;
  /** Leaves everything unchanged; does nothing after `commit`. */
  discard(): Promise<void>;
}

/** The reader of stdout has closed it, as in `fetch | head`. */
class ReaderGone extends TransientError {
  override name = "ReaderGone";
}

/**
 * An output file that appears only once complete: it is written to a temporary file in the same folder, then renamed.
 * Devices and pipes such as /dev/null are written to directly.
 * @throws FinalError if the file cannot be written
 */
export async function openFile(path: string): Promise<Output> {
  const temporary = (await isDevice(path)) ? path : join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const file = await mkdir(dirname(path), { recursive: true })
    .then(() => open(temporary, "w"))
    .catch((error) => {
      throw new FinalError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
    });
  let isOpen = true;
  const close = () => {
    isOpen = false;
    return file.close();
  };
  return {
    write: (text) => file.appendFile(text),
    async commit() {
      if (temporary !== path) await file.sync();
      await close();
      if (temporary !== path) await rename(temporary, path);
    },
    async discard() {
      if (!isOpen) return;
      await close();
      if (temporary !== path) await rm(temporary, { force: true });
    },
  };
}

/** Whether the path exists and is not a regular file. */
export const isDevice = async (path: string) => (await stat(path).catch(() => null))?.isFile() === false;

/** stdout; each write is awaited, so that a slow reader slows down the task. */
export function openStdout(): Output {
  return { write: writeStdout, commit: async () => {}, discard: async () => {} };
}

/** @throws ReaderGone if the reader has closed stdout */
export function writeStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
      else
        reject(
          (error as NodeJS.ErrnoException).code === "EPIPE"
            ? new ReaderGone("the reader of stdout has closed it")
            : error,
        );
    });
  });
}
