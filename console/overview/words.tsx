import type { Hop, State } from "../../operations/flow/hops.ts";
import { Count, Moment } from "../values.tsx";

export const shapes: Record<State, string> = { good: "●", warn: "▲", bad: "■", unknown: "○" };

/** A state in words, with the time since it has been so; in the picture briefly. */
export const stateWordOf = ({ word, sinceMs }: Hop, svg = false) => {
  if (sinceMs === undefined) return word;
  if (svg)
    return (
      <>
        {word} for <Moment at={sinceMs} show="for" svg />
      </>
    );
  return (
    <>
      {word} since <Moment at={sinceMs} show="clock" />, for <Moment at={sinceMs} show="for" />
    </>
  );
};

/** How far behind: bytes of the write-ahead log, or records and the age of the oldest. */
export const behindOf = ({ records, seconds, bytes }: NonNullable<Hop["behind"]>, svg = false) => {
  if (bytes !== undefined) return <Bytes of={bytes} svg={svg} />;
  if (!records) return "nothing unread";
  return (
    <>
      <Count of={records} svg={svg} /> unread
      {seconds !== undefined && (
        <>
          , <Count of={Math.round(seconds * (seconds < 10 ? 10 : 1)) / (seconds < 10 ? 10 : 1)} svg={svg} /> s
        </>
      )}
    </>
  );
};

const Bytes = ({ of, svg }: { of: number; svg: boolean }) => {
  const [unit, size] = of >= 1024 ** 2 ? ["MB", 1024 ** 2] : of >= 1024 ? ["kB", 1024] : ["bytes", 1];
  return (
    <>
      <Count of={Math.round((10 * of) / Number(size)) / 10} svg={svg} /> {unit} behind
    </>
  );
};
