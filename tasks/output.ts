import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FinalError, messageOf, TransientError } from "../runtime/lifecycle.ts";

/** Where a task writes text. */
export interface Output {
  write(text: string): Promise<void>;
  /** Makes what was written final. */
  commit(): Promise<void>;
  /** Leaves everything as it was before; does nothing after `commit`. */
  discard(): Promise<void>;
}

/** The reader of stdout went away (`fetch | head`): there is nobody left to write for. */
class ReaderGone extends TransientError {
  override name = "ReaderGone";
}

/**
 * A file that is there whole or not at all: written under a temporary name beside it, then renamed. Devices and pipes,
 * /dev/null say, are written to as they are.
 * @throws FinalError where nothing can be written under this name
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

/** Whether there is something under this name that is no file. */
export const isDevice = async (path: string) => (await stat(path).catch(() => null))?.isFile() === false;

/** stdout, each write awaited, so that a slow reader slows the task. */
export function openStdout(): Output {
  return { write: writeStdout, commit: async () => {}, discard: async () => {} };
}

/** @throws ReaderGone where nobody reads any more */
export function writeStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
      else
        reject(
          (error as NodeJS.ErrnoException).code === "EPIPE" ? new ReaderGone("nobody reads stdout any more") : error,
        );
    });
  });
}
