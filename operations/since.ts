import ms from "ms";

/** When `--since` begins, in milliseconds since 1970. @throws Error if the text is neither a time nor a duration */
export function sinceMsOf(text: string): number {
  const isTime = /^\d{4}-/.test(text);
  const duration = isTime ? undefined : (ms(text as ms.StringValue) as number | undefined);
  const time = duration === undefined ? Date.parse(text) : Date.now() - duration;
  if (Number.isNaN(time))
    throw new Error("--since must be a time such as 2026-01-15T06:00:00Z or a duration such as 3d");
  return time;
}
