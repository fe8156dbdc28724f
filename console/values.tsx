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

/** A point in time, to the second. `ago` for the time since then, which the browser keeps up to date. */
export const Time = ({ at, ago = false }: { at: Date | number | string; ago?: boolean }) => {
  const iso = new Date(at).toISOString();
  return (
    <time datetime={iso} {...(ago ? { "data-ago": "" } : {})}>
      {`${iso.slice(0, 19).replace("T", " ")} UTC`}
    </time>
  );
};
