/** Choices that a seed decides. */
export interface Random {
  seed: string;
  /** A number in [0, below). */
  below: (limit: number) => number;
  chance: (probability: number) => boolean;
  /** @throws if there is none */
  oneOf: <T>(some: readonly T[]) => T;
}

export function openRandom(seed: string): Random {
  let drawn = 0;
  const next = () => Number(Bun.hash.wyhash(`${seed} ${drawn++}`) >> 11n) / 2 ** 53;
  const below = (limit: number) => Math.floor(next() * limit);
  function oneOf<T>(some: readonly T[]): T {
    if (some.length === 0) throw new Error("nothing to choose from");
    return some[below(some.length)] as T;
  }
  return { seed, below, chance: (probability) => next() < probability, oneOf };
}
