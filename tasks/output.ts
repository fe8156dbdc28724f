import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Where a task writes text. */
export interface Output {
  write(text: string): Promise<void>;
  /** Makes what was written final. */
  commit(): Promise<void>;
  /** Leaves everything as it was before; does nothing after `commit`. */
  discard(): Promise<void>;
}

/** The reader of stdout went away (`fetch | head`): there is nobody left to write for. */
class ReaderGone extends Error {
  override name = "ReaderGone";
}

/** A file that is there whole or not at all: written under a temporary name beside it, then renamed. */
export async function openFile(path: string): Promise<Output> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const file = await open(temporary, "w");
  let open_ = true;
  return {
    write: (text) => file.appendFile(text),
    async commit() {
      await file.sync();
      await file.close();
      await rename(temporary, path);
      open_ = false;
    },
    async discard() {
      if (!open_) return;
      open_ = false;
      await file.close();
      await rm(temporary, { force: true });
    },
  };
}

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
