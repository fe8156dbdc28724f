const idleMs = 5_000;

/** Renders again every time while something is going on, and otherwise every few seconds. */
export function whileActive<T>(render: (about: string) => Promise<{ shown: T; isActive: boolean }>) {
  let last: { about: string; shown: T; untilMs: number } | undefined;
  return async (about: string): Promise<T> => {
    if (last?.about === about && performance.now() < last.untilMs) return last.shown;
    const { shown, isActive } = await render(about);
    last = { about, shown, untilMs: performance.now() + (isActive ? 0 : idleMs) };
    return shown;
  };
}
