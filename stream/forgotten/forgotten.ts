import { hashOfId, idsIn } from "../../contract/forgotten.ts";
import { idOf, type Message, type Route } from "../change.ts";

/** Who was forgotten. */
export interface Forgotten {
  isEmpty(): boolean;
  has(id: string): boolean;
  /** Whether key or value of a record mention one of them. */
  isIn(record: Pick<Message, "key" | "value">): boolean;
}

/** A hash costs a microsecond, so none is computed while nobody was forgotten. */
export function forgottenBy(hashes: Pick<ReadonlySet<string>, "has" | "size">): Forgotten {
  const has = (id: string) => hashes.size > 0 && hashes.has(hashOfId(id));
  const isInBytes = (bytes: Buffer | null) => bytes !== null && idsIn(bytes).some(has);
  return {
    isEmpty: () => hashes.size === 0,
    has,
    isIn: ({ key, value }) => hashes.size > 0 && (isInBytes(key) || isInBytes(value)),
  };
}

/** The route without the records of forgotten users: they change nothing, and become no dead letters. */
export const withoutForgotten =
  (route: Route, forgotten: Forgotten): Route =>
  async (messages, stop, partition) => {
    const sifted = await route(messages, stop, partition);
    if (forgotten.isEmpty()) return sifted;
    const writes = sifted.writes.filter(({ change }) => !forgotten.has(idOf(change)));
    const letters = sifted.letters.filter(({ message }) => !forgotten.isIn(message));
    const left = sifted.writes.length + sifted.letters.length - writes.length - letters.length;
    return { ...sifted, writes, letters, ignored: (sifted.ignored ?? 0) + left };
  };
