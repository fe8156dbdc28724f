/** The value below which this share of the numbers lies: 0.5 for the median. `sorted` is in ascending order. */
export const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)]!;
