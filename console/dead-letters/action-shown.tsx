import { Count } from "../values.tsx";
import type { Action } from "./actions.ts";

/** What comes of an action. */
export const ActionShown = ({ action }: { action: Action | undefined }) => {
  if (!action)
    return (
      <p role="status">
        This console does not know any more what came of that: it was restarted since, or much was done. The letters
        themselves show it.
      </p>
    );
  const { state, progress, interruption, error, result } = action;
  if (state === "failed")
    return <p role="alert">{`${failed[action.kind]}: ${error}. What was not done can be done again.`}</p>;
  if (state !== "done" || !result)
    return (
      <p role="status">
        {interruption ?? (state === "waiting" ? "Waiting for what was begun before …" : running[action.kind])}
        {progress && (
          <>
            {" "}
            <Count of={progress.done} /> of <Count of={progress.of} />
          </>
        )}
      </p>
    );
  return <Result action={action} result={result} />;
};

const running: Record<Action["kind"], string> = {
  replay: "Replaying …",
  "dry run": "Looking what would be replayed …",
  dismiss: "Dismissing …",
};
const failed: Record<Action["kind"], string> = {
  replay: "Replaying failed",
  "dry run": "This cannot be said",
  dismiss: "Dismissing failed",
};
const done: Record<Action["kind"], string> = {
  replay: "replayed",
  "dry run": "would be replayed",
  dismiss: "dismissed",
};

const Letters = ({ of }: { of: number }) => (
  <>
    <Count of={of} /> {of === 1 ? "letter" : "letters"}
  </>
);

const Result = ({ action, result }: { action: Action; result: NonNullable<Action["result"]> }) => {
  const { kind, selection } = action;
  const isOne = "positions" in selection && selection.positions.length === 1;
  if (isOne && result.settledBefore > 0)
    return <p role="alert">Nothing was done: the letter had been settled meanwhile, as shown below.</p>;
  return (
    <div role="status">
      <p>
        <Letters of={result.done} /> {done[kind]}
        {result.settledBefore > 0 && (
          <>
            ; <Letters of={result.settledBefore} /> settled before
          </>
        )}
        {result.refused > 0 && (
          <>
            ; <Letters of={result.refused} /> not, since:
          </>
        )}
      </p>
      {result.groups.length > 0 && <Refusals {...result} />}
      {kind === "dry run" && "filter" in selection && result.done > 0 && (
        <form method="post" action="/dead-letters/replay">
          <input type="hidden" name="reason" value={selection.filter.reason} />
          {selection.filter.topic !== undefined && <input type="hidden" name="topic" value={selection.filter.topic} />}
          <button type="submit" class="main" name="step" value="send">
            Replay <Letters of={result.done} />
          </button>
        </form>
      )}
    </div>
  );
};

const Refusals = ({ groups }: NonNullable<Action["result"]>) => (
  <div class="wide">
    <table>
      <thead>
        <tr>
          <th scope="col" class="number">
            Letters
          </th>
          <th scope="col">First</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {groups.map(({ letters, first, reason, why }) => (
          <tr>
            <td class="number">
              <Count of={letters} />
            </td>
            <td>
              <a href={`/dead-letters/${first}`}>{first}</a>
            </td>
            <td>{why.includes(reason) ? why : `${reason}: ${why}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
