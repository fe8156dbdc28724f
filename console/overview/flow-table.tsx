import type { Hop } from "../../operations/flow/hops.ts";
import { Count, Moment } from "../values.tsx";
import { behindOf, stateWordOf } from "./words.tsx";

/** The same as the picture. On a wide screen only screen readers find it, on a narrow one it is what is shown. */
export const FlowTable = ({ hops }: { hops: readonly Hop[] }) => (
  <div class="flow-table">
    <table>
      <caption>Every hop of the pipeline</caption>
      <thead>
        <tr>
          <th scope="col">Hop</th>
          <th scope="col">Count, rate</th>
          <th scope="col">Behind, last movement</th>
        </tr>
      </thead>
      <tbody>
        {hops.map((hop) => (
          <tr data-hop={hop.name}>
            <th scope="row">
              {hop.title}
              <br />
              <span class={hop.state === "unknown" ? "faint" : hop.state}>{stateWordOf(hop)}</span>
            </th>
            <td>
              {hop.count && (
                <>
                  {hop.count.isEstimate && "about "}
                  <Count of={hop.count.of} /> {hop.count.unit}{" "}
                </>
              )}
              {hop.note}
              <br />
              {hop.perSecond !== undefined && (
                <>
                  <Count of={Math.round(hop.perSecond * 10) / 10} /> a second
                </>
              )}
            </td>
            <td>
              {hop.behind && behindOf(hop.behind)}
              <br />
              {hop.movedMs !== undefined && <Moment at={hop.movedMs} show="ago" />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
