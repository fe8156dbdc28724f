/**
 * Numbers and times. The server writes them in English and UTC; the browser rewrites them for its reader's locale and
 * time zone (assets/live.js).
 */

const english = new Intl.NumberFormat("en");

/** A whole number, or a rate with one digit. `svg` for text in a picture. */
export const Count = ({ of, svg = false }: { of: number; svg?: boolean }) => {
  const text = english.format(of);
  return svg ? (
    <tspan data-count={of}>{text}</tspan>
  ) : (
    <data value={String(of)} data-count={of}>
      {text}
    </data>
  );
};

/**
 * A moment in few words, which the browser keeps up to date: the time since (`ago`), how long something has lasted (`for`),
 * or the time of day (`clock`). `svg` for text in a picture.
 */
export const Moment = ({ at, show, svg = false }: { at: number; show: "ago" | "for" | "clock"; svg?: boolean }) => {
  const text = `${new Date(at).toISOString().slice(11, 19)} UTC`;
  return svg ? (
    <tspan data-at={at} data-show={show}>
      {text}
    </tspan>
  ) : (
    <span data-at={at} data-show={show}>
      {text}
    </span>
  );
};

interface Point {
  at: Date | number | string;
  ago?: boolean;
  precise?: boolean;
  clock?: boolean;
}

/**
 * A point in time, to the second, or to the millisecond if `precise`. `ago` for the time since then, which the browser
 * keeps up to date; `clock` for the time of day, to the millisecond.
 */
export const Time = ({ at, ago = false, precise = false, clock = false }: Point) => {
  const iso = new Date(at).toISOString();
  const how = ago ? { "data-ago": "" } : clock ? { "data-clock": "" } : precise ? { "data-precise": "" } : {};
  return (
    <time datetime={iso} {...how}>
      {clock ? iso.slice(11, 23) : `${iso.slice(0, precise ? 23 : 19).replace("T", " ")} UTC`}
    </time>
  );
};

/** An amount of memory. */
export const Megabytes = ({ bytes }: { bytes: number }) => {
  const megabytes = Math.round(bytes / 1024 ** 2);
  return (
    <data value={String(bytes)} data-count={megabytes} data-unit="MB">
      {english.format(megabytes)} MB
    </data>
  );
};

/** A length of time in its two largest units. */
export const Duration = ({ ms }: { ms: number }) => {
  const seconds = Math.floor(ms / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return <>{`${days} d ${hours} h`}</>;
  if (hours > 0) return <>{`${hours} h ${minutes} min`}</>;
  if (minutes > 0) return <>{`${minutes} min`}</>;
  return <>{`${seconds} s`}</>;
};

const durations = ["second", "minute", "hour"] as const;

/** How long something took, to the tenth of a second, in the two largest units: 1.1s, 1m 15s, 2h 5m. */
export const Took = ({ seconds }: { seconds: number }) => {
  if (seconds < 59.95) return <InUnit of={Math.round(seconds * 10) / 10} unit={durations[0]} />;
  const whole = Math.round(seconds);
  const [large, small, size] = whole < 3_600 ? ([1, 0, 60] as const) : ([2, 1, 3_600] as const);
  return (
    <>
      <InUnit of={Math.floor(whole / size)} unit={durations[large]} />{" "}
      <InUnit of={Math.floor((whole % size) / (size / 60))} unit={durations[small]} />
    </>
  );
};

const InUnit = ({ of, unit }: { of: number; unit: (typeof durations)[number] }) => (
  <data value={String(of)} data-count={of} data-unit={unit}>
    {new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "narrow" }).format(of)}
  </data>
);
