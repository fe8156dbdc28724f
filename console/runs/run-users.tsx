import type { Child } from "hono/jsx";
import { plural } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import type { Reached, RunUsers } from "../../operations/runs/run-users.ts";
import { UserLink } from "../users/shown.tsx";
import { Count } from "../values.tsx";
import { runHref } from "./states.tsx";

const perPage = 50;
const maxRejects = 50;

export interface Wanted {
  runId: string;
  page: number;
  /** Only those who have not arrived. */
  isOpen: boolean;
}

/** Where a run's users are: how many at each hop, and one by one. */
export function RunUsersView({ of, runId, page, isOpen }: { of: RunUsers } & Wanted) {
  const wanted = isOpen ? of.users.filter((user) => of.reached(user).kind !== "stored") : of.users;
  const pages = Math.max(1, Math.ceil(wanted.length / perPage));
  const at = Math.min(page, pages);
  const shown = wanted.slice((at - 1) * perPage, at * perPage);
  const hrefOf = (number: number, open = isOpen) =>
    `${runHref(runId)}?${new URLSearchParams({ ...(open && { only: "open" }), page: String(number) })}`;
  return (
    <>
      {of.away.map(({ service, why }) => (
        <p class="bad">
          {service} does not answer: {why}
        </p>
      ))}
      <Figures of={of} />
      <Rejects of={of} />
      <p class="pager">
        {isOpen ? (
          <>
            <strong>Not in Cassandra</strong> <a href={hrefOf(1, false)}>All {plural}</a>
          </>
        ) : (
          <>
            <strong>All {plural}</strong> <a href={hrefOf(1, true)}>Only those not in Cassandra</a>
          </>
        )}
      </p>
      {shown.length === 0 ? (
        <p>{isOpen ? "None: all are in Cassandra." : `No ${plural} yet.`}</p>
      ) : (
        <UserTable users={shown} reached={of.reached} first={(at - 1) * perPage + 1} />
      )}
      {pages > 1 && (
        <p class="pager">
          {at > 1 && <a href={hrefOf(at - 1)}>Previous page</a>}
          <span class="faint">
            Page <Count of={at} /> of <Count of={pages} />
          </span>
          {at < pages && <a href={hrefOf(at + 1)}>Next page</a>}
        </p>
      )}
    </>
  );
}

function Figures({ of }: { of: RunUsers }) {
  const figures: [string, number | null][] = [
    ["formatted", of.formatted],
    ["rejected", of.rejected.length],
    ["in PostgreSQL", of.backedUp],
    ["produced", of.produced],
    ["in Cassandra", of.stored],
    ["dead letters", of.deadLettered],
  ];
  return (
    <>
      <dl class="figures">
        {figures.map(([name, count]) => (
          <div>
            <dt>{name}</dt>
            <dd>{count === null ? <span class="faint">–</span> : <Count of={count} />}</dd>
          </div>
        ))}
      </dl>
      <p>{sumOf(of)}</p>
    </>
  );
}

/** Whether the counts add up, in words. */
function sumOf({ produced, stored, deadLettered, isComplete }: RunUsers): Child {
  if (produced === null) return <span class="busy">Not produced yet</span>;
  if (stored === null || deadLettered === null) return <span class="warn">Not known: a service does not answer</span>;
  if (!isComplete)
    return (
      <span class="busy">
        <Count of={produced - stored - deadLettered} /> not in Cassandra and no dead letters: on their way, or deleted
        since
      </span>
    );
  return deadLettered === 0 ? (
    <span class="good">All that were produced are in Cassandra</span>
  ) : (
    <span class="warn">
      Produced = in Cassandra + dead letters: <Count of={produced} /> = <Count of={stored} /> +{" "}
      <Count of={deadLettered} />
    </span>
  );
}

const Rejects = ({ of: { rejected } }: { of: RunUsers }) =>
  rejected.length === 0 ? null : (
    <>
      <h3>Rejected</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">Reason</th>
            <th scope="col">Original</th>
          </tr>
        </thead>
        <tbody>
          {rejected.slice(0, maxRejects).map(({ task, reason, original }) => (
            <tr>
              <td>{task}</td>
              <td>{reason}</td>
              <td>
                <details>
                  <summary>JSON</summary>
                  <pre>{JSON.stringify(original, null, 2).slice(0, 4_000)}</pre>
                </details>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rejected.length > maxRejects && (
        <p class="faint">
          The first {maxRejects} of <Count of={rejected.length} />.
        </p>
      )}
    </>
  );

interface TableProps {
  users: readonly User[];
  reached: (user: User) => Reached;
  /** The number of the first, from 1. */
  first: number;
}

const UserTable = ({ users, reached, first }: TableProps) => (
  <div class="wide">
    <table class="lines compact">
      <thead>
        <tr>
          <th scope="col" class="number">
            Line
          </th>
          <th scope="col">Name</th>
          <th scope="col">Has got to</th>
        </tr>
      </thead>
      <tbody>
        {users.map((user, index) => (
          <tr>
            <td class="number">
              <Count of={first + index} />
            </td>
            <td>
              <UserLink user={user} />
            </td>
            <td>
              <Place of={reached(user)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const Place = ({ of }: { of: Reached }) => {
  switch (of.kind) {
    case "stored":
      return <span class="good">Cassandra</span>;
    case "produced":
      return <span class="busy">Kafka</span>;
    case "backed up":
      return <span class="busy">PostgreSQL</span>;
    case "formatted":
      return <span class="busy">the file of formatted {plural}</span>;
    case "left out":
      return <span class="warn">not passed on: {of.why}</span>;
    case "dead letter":
      return (
        <span class="bad">
          <a href={`/dead-letters/${of.letter.partition}:${of.letter.offset}`}>dead letter</a>: {of.letter.reason}
        </span>
      );
  }
};
