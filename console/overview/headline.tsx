import type { Child } from "hono/jsx";
import type { Hop } from "../../operations/flow/hops.ts";
import type { FlowReport } from "../../operations/flow/report.ts";
import { stateWordOf } from "./words.tsx";

/** The worst of the picture in a sentence. Until doctor has looked, only that services answer is known. */
export const Headline = ({ hops, isExamined }: Pick<FlowReport, "hops"> & { isExamined: boolean }) => {
  const bad = hops.filter(({ state }) => state === "bad");
  const warned = hops.filter(({ state }) => state === "warn");
  if (hops.every(({ state }) => state === "unknown")) return <p class="headline faint">Not looked at yet</p>;
  return (
    <p class="headline">
      {bad.length > 0 ? (
        <span class="bad">{sentenceOf(bad)}</span>
      ) : warned.length > 0 ? (
        <span class="warn">{sentenceOf(warned)}</span>
      ) : (
        <span class="good">{isExamined ? "Everything works" : "Every service answers"}</span>
      )}
    </p>
  );
};

const mostNamed = 3;

/** What is away or stands still first. Each cause once: four topics are red because of one Kafka. */
function sentenceOf(hops: readonly Hop[]): Child {
  const inOrder = hops.toSorted(
    (one, other) => (one.sinceMs ?? Number.MAX_VALUE) - (other.sinceMs ?? Number.MAX_VALUE),
  );
  const groups = [
    ...Map.groupBy(inOrder, (hop) => (hop.sinceMs ? `${hop.word} ${hop.sinceMs}` : subjectOf(hop))).values(),
  ];
  return (
    <>
      {groups.slice(0, mostNamed).map((group, index) => (
        <>
          {index > 0 && "; "}
          {namesOf(group)}: {whatOf(group[0]!)}
        </>
      ))}
      {groups.length > mostNamed && `; ${groups.length - mostNamed} more`}
    </>
  );
}

const namesOf = (hops: readonly Hop[]) => [...new Set(hops.map(subjectOf))].join(", ");
const subjectOf = ({ title, findings }: Hop) => findings[0]?.about ?? title;
const whatOf = (hop: Hop) => (hop.sinceMs ? stateWordOf(hop) : (hop.findings[0]?.cause ?? hop.word));
