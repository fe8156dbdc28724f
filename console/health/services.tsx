import { programs as programOf, type Service } from "../../operations/doctor/finding.ts";
import { type Reach, reachOf } from "../../operations/doctor/reach.ts";
import { openStackPrograms, type StackProgram, type StackPrograms } from "../../operations/stack-programs.ts";
import type { Clients } from "../clients.ts";
import { Count, Duration, Megabytes, Time } from "../values.tsx";
import { pageOf } from "./addresses.ts";

/** How long a service may take to answer, in milliseconds. */
const answerWithinMs = 3_000;

/** The services: natively each program as the supervisor knows it, elsewhere what can be reached from here. */
export function openServices(clients: Clients) {
  const look = clients.stackFolder === undefined ? undefined : openStackPrograms(clients.stackFolder);
  return async () => {
    const [reached, stack] = await Promise.all([reachOf(clients, answerWithinMs), look?.()]);
    if (look === undefined) return <Elsewhere reached={reached} clients={clients} />;
    if (stack === undefined)
      return (
        <p class="bad">
          The stack's supervisor does not answer, so nothing is known of its programs: <code>bun run up</code>
        </p>
      );
    return <Programs stack={stack} reached={reached} clients={clients} />;
  };
}

function Programs({ stack, reached, clients }: { stack: StackPrograms; reached: Reach[]; clients: Clients }) {
  const { programs, countsAll } = stack;
  const total = programs.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <section class="wide services" tabindex={0} aria-label="Services">
      <table>
        <thead>
          <tr>
            <th scope="col">Program</th>
            <th scope="col">State</th>
            <th scope="col">Answers</th>
            <th scope="col" class="number">
              Up
            </th>
            <th scope="col" class="number">
              Restarts
            </th>
            <th scope="col" class="number">
              Memory
            </th>
            <th scope="col">Address</th>
          </tr>
        </thead>
        <tbody>
          {programs.map((program) => (
            <Row
              program={program}
              isLeast={!countsAll}
              reach={reached.find(({ service }) => service !== "the stack" && programOf[service] === program.name)}
              clients={clients}
            />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colspan={5}>
              In total
            </th>
            <td class="number">
              <Megabytes bytes={total} />
            </td>
            <td />
          </tr>
        </tfoot>
      </table>
    </section>
  );
}

interface RowOf {
  program: StackProgram;
  /** Whether there may have been more restarts. */
  isLeast: boolean;
  reach: Reach | undefined;
  clients: Clients;
}

const Row = ({
  program: { name, state, uptimeSeconds, bytes, restarts, wasStarted },
  isLeast,
  reach,
  clients,
}: RowOf) => {
  const runs = state === "RUNNING";
  return (
    <tr>
      <th scope="row">
        <a href={`/logs?program=${encodeURIComponent(name)}`} title={`The log of ${name}`}>
          {name}
        </a>
      </th>
      <td>
        <span class={classOf(state)}>{state === "STOPPED" && !wasStarted ? "not started" : state.toLowerCase()}</span>
      </td>
      <td>{runs && <Answer reach={reach} />}</td>
      <td class="number">{runs && <Duration ms={uptimeSeconds * 1_000} />}</td>
      <td class="number">
        {isLeast && "at least "}
        <Count of={restarts.count} />
        {restarts.last && (
          <span class="faint">
            {" "}
            last exit <Time at={restarts.last.atMs} ago /> ({restarts.last.how})
          </span>
        )}
      </td>
      <td class="number">{runs && <Megabytes bytes={bytes} />}</td>
      <td>
        <Address name={name} clients={clients} />
      </td>
    </tr>
  );
};

const classOf = (state: StackProgram["state"]) =>
  state === "RUNNING" ? "good" : state === "STARTING" || state === "STOPPING" ? "warn" : "bad";

const Answer = ({ reach }: { reach: Reach | undefined }) => {
  if (reach === undefined) return null;
  if (reach.failure === undefined) return <span class="good">yes</span>;
  return <span class="bad">no: {reach.failure}</span>;
};

const Address = ({ name, clients }: { name: string; clients: Clients }) => {
  const page = pageOf(name, clients.config);
  if (page?.href === undefined) return <>{page?.text}</>;
  return <a href={page.href}>{page.text}</a>;
};

/** Where the services are not this project's native stack, such as in containers. */
const Elsewhere = ({ reached, clients }: { reached: Reach[]; clients: Clients }) => (
  <>
    <p>
      Memory, restarts and logs cannot be seen from here: see <code>docker stats</code>, <code>docker compose ps</code>{" "}
      and <code>docker compose logs SERVICE</code>.
    </p>
    <section class="wide services" tabindex={0} aria-label="Services">
      <table>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Answers</th>
            <th scope="col">Asked at</th>
            <th scope="col">Page</th>
          </tr>
        </thead>
        <tbody>
          {reached.map((reach) => (
            <tr>
              <th scope="row">{capitalised(reach.service)}</th>
              <td>
                <Answer reach={reach} />
              </td>
              <td>{reach.address}</td>
              <td>{reach.service !== "the stack" && <Address name={programOf[reach.service]} clients={clients} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  </>
);

const capitalised = (service: Service) => service.replace(/^the ./, (start) => start.slice(4).toUpperCase());
