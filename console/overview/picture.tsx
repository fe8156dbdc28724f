import type { Hop, HopName } from "../../operations/flow/hops.ts";
import type { FlowReport } from "../../operations/flow/report.ts";
import { Count, Moment } from "../values.tsx";
import { arrows, bracket, type Place, places, size } from "./places.ts";
import { behindOf, shapes, stateWordOf } from "./words.tsx";

/**
 * The pipeline as a picture. The table below has the same for screen readers and narrow screens, so this is hidden from
 * both.
 */
export const Picture = ({ report: { hops, run } }: { report: FlowReport }) => {
  const byName = new Map(hops.map((hop) => [hop.name, hop]));
  const airflow = byName.get("airflow");
  return (
    <svg class="flow" viewBox={`0 0 ${size.width} ${size.height}`} aria-hidden="true" focusable="false">
      <defs>
        <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
          <path d="M0 0.5 L7 4 L0 7.5 z" />
        </marker>
      </defs>
      {arrows
        .filter(({ from, to }) => byName.has(from) && byName.has(to))
        .map(({ path, moves, isDashed }) => {
          const isMoving = moves !== undefined && (byName.get(moves)?.perSecond ?? 0) > 0 && isLive(byName.get(moves));
          return (
            <>
              <path
                class={isDashed ? "arrow dashed" : "arrow"}
                d={path}
                marker-end={isDashed ? undefined : "url(#tip)"}
              />
              {isMoving && <path class="moving" d={path} />}
            </>
          );
        })}
      {airflow && <Bracket airflow={airflow} run={run} />}
      {hops.map((hop) => {
        const place = places[hop.name];
        return place && <Node hop={hop} place={place} />;
      })}
    </svg>
  );
};

/** The four tasks' numbers are those of the newest run, so they move only while one of them runs. */
const tasks: readonly HopName[] = ["fetch", "format", "backup", "produce"];
const isLive = (hop: Hop | undefined) => hop !== undefined && (!tasks.includes(hop.name) || hop.word === "running");

const Bracket = ({ airflow, run }: { airflow: Hop; run: FlowReport["run"] }) => (
  <g class={`hop is-${airflow.state}`}>
    <title>{titleOf(airflow)}</title>
    <path class="bracket" d={`M${bracket.left} ${bracket.y + 8} V${bracket.y} H${bracket.right} V${bracket.y + 8}`} />
    <text x={bracket.left} y={bracket.y - 30}>
      <tspan class="name">Airflow </tspan>
      <State hop={airflow} />
    </text>
    <text class="small" x={bracket.left} y={bracket.y - 11}>
      {run ? (
        <>
          newest run: {run.state}, begun <Moment at={run.atMs} show="ago" svg />
        </>
      ) : (
        "no run is known"
      )}
    </text>
  </g>
);

const Node = ({ hop, place: { x, y, width, height } }: { hop: Hop; place: Place }) => {
  const lines = linesOf(hop);
  return (
    <g class={`hop is-${hop.state}`} data-hop={hop.name} transform={`translate(${x} ${y})`}>
      <title>{titleOf(hop)}</title>
      <rect width={width} height={height} rx="3" />
      <text class="name" x="10" y="20">
        {cut(hop.title, Math.floor((width - 20) / 7.2))}
      </text>
      <text x="10" y="39">
        <State hop={hop} />
      </text>
      {lines.map((line, index) => (
        <text class={index === 0 && hop.count ? "count" : "small"} x="10" y={60 + index * 17}>
          {line}
        </text>
      ))}
    </g>
  );
};

const State = ({ hop }: { hop: Hop }) => (
  <tspan class="state">
    {shapes[hop.state]} {stateWordOf(hop, true)}
  </tspan>
);

/** What is known of a hop in at most four lines, the count first. */
function linesOf(hop: Hop) {
  const { count, perSecond, behind, movedMs, note } = hop;
  return [
    count && (
      <>
        <tspan class="figure">
          {count.isEstimate && "~ "}
          <Count of={count.of} svg />
        </tspan>
        {` ${count.unit}`}
        {hop.name === "letters" && note !== undefined && ` ${note}`}
      </>
    ),
    behind && behindOf(behind, true),
    perSecond !== undefined && (
      <>
        {isLive(hop) ? "" : "at "}
        <Count of={rounded(perSecond)} svg />
        {"/s"}
      </>
    ),
    movedMs !== undefined && <Moment at={movedMs} show="ago" svg />,
    hop.name !== "letters" && note,
  ].filter(Boolean);
}

const rounded = (value: number) => (value >= 100 ? Math.round(value) : Math.round(value * 10) / 10);

/** What the pointer shows: the whole name, and what is wrong. */
const titleOf = ({ title, findings }: Hop) =>
  [title, ...findings.map(({ cause, cure }) => `${cause}. ${cure}`)].join("\n");

/** A long name without its first parts, or else without its end. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = text.slice(text.lastIndexOf(".") + 1);
  return end.length < most && end !== text ? `…${end}` : `${text.slice(0, most - 1)}…`;
}
