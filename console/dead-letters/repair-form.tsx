import type { Field } from "../../contract/fields.ts";
import { fields } from "../../contract/user.ts";
import { allowedIn, settable, type Texts, textOf } from "../../operations/dead-letters/given.ts";
import { positionOf } from "../../operations/dead-letters/selection.ts";
import type { Settlement } from "../../operations/dead-letters/settlement.ts";
import { assetUrl } from "../assets.ts";
import type { Checked, Opened } from "./letters.ts";

/** The name of a field's input; the others belong to the form itself. */
export const inputName = (field: string) => `set.${field}`;

interface Shown {
  opened: Opened;
  /** As typed; at first as the record has them. */
  given: Texts;
  faults: ReadonlyMap<string, string>;
  /** What would become of the record; undefined as long as nothing was typed. */
  verdict: Pick<Checked, "obstacle"> | undefined;
  /** What was done about the letter; a record that was replayed cannot be replayed again. */
  settled: Settlement["action"] | undefined;
}

/** The record beside the rules, with a field for another value of each; it is checked as it is typed (repair.js). */
export const RepairForm = (shown: Shown) => {
  const { opened, settled, verdict } = shown;
  const path = `/dead-letters/${positionOf(opened.letter)}`;
  if (settled === "replayed") return opened.record ? <Fields {...shown} /> : null;
  return (
    <form method="post" action={`${path}/replay`} class="repair" data-check={`${path}/check`}>
      {opened.record && <Fields {...shown} />}
      <p class="verdict" role="status" data-verdict="">
        <Verdict verdict={verdict} />
      </p>
      <label class="check">
        <input type="checkbox" name="force" value="yes" />
        <span>
          Send it anyway: also if the consumer would refuse it, if it has failed again three times, or if it was
          dismissed. What the consumer refuses comes back as another letter.
        </span>
      </label>
      <p class="buttons">
        <button type="submit" class="main">
          Replay
        </button>
        {opened.record && (
          <button type="submit" formaction={`${path}/check`}>
            Check
          </button>
        )}
      </p>
      <script type="module" src={assetUrl("repair.js")} />
    </form>
  );
};

const Fields = (shown: Shown) => (
  <>
    <h2>Record</h2>
    <table class="record">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">In the record</th>
          {shown.settled !== "replayed" && <th scope="col">To be replayed</th>}
          <th scope="col">Allowed</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <Row field={field} shown={shown} />
        ))}
      </tbody>
    </table>
  </>
);

/** In words, whether the consumer would store the record as it is in the form. */
export const verdictText = ({ obstacle }: Pick<Checked, "obstacle">) =>
  obstacle === undefined ? "The consumer would store this record." : `It would not be sent: ${obstacle}.`;

const Verdict = ({ verdict }: Pick<Shown, "verdict">) => {
  if (!verdict)
    return <>A replay sends the record with its own key, headers and time, so it wins over nothing newer.</>;
  return <span class={verdict.obstacle === undefined ? "good" : "bad"}>{verdictText(verdict)}</span>;
};

const Row = ({ field, shown: { opened, given, faults, settled } }: { field: Field; shown: Shown }) => {
  const { name } = field;
  const value = opened.record?.[name];
  const ofRecord = value === undefined ? "missing" : value === null ? "null" : value === "" ? "empty" : undefined;
  const isSettable = settable.includes(field) && settled !== "replayed";
  const fault = faults.get(name);
  const ids = { input: `field-${name}`, fault: `fault-${name}`, allowed: `allowed-${name}` };
  const faultShown = (
    <div class="fault" id={ids.fault} data-fault={isSettable ? name : undefined}>
      {fault && <span class="bad">{fault}</span>}
    </div>
  );
  return (
    <tr>
      <th scope="row">{isSettable ? <label for={ids.input}>{name}</label> : name}</th>
      <td data-title="In the record">
        {ofRecord ? (
          <span class="faint">{ofRecord}</span>
        ) : (
          <span class="value" title={textOf(value)}>
            {textOf(value)}
          </span>
        )}
        {!isSettable && faultShown}
      </td>
      {settled !== "replayed" && (
        <td data-title="To be replayed">
          {isSettable ? (
            <>
              <Input field={field} text={given[name] ?? ""} ids={ids} fault={fault} />
              {faultShown}
            </>
          ) : (
            <span class="faint">with another {name} it would be another record</span>
          )}
        </td>
      )}
      <td data-title="Allowed" class="faint" id={ids.allowed}>
        {allowedIn(field)}
      </td>
    </tr>
  );
};

const longText = 80;

const Input = ({
  field: { name },
  text,
  ids,
  fault,
}: {
  field: Field;
  text: string;
  ids: Record<"input" | "fault" | "allowed", string>;
  fault: string | undefined;
}) => {
  const attributes = {
    id: ids.input,
    name: inputName(name),
    "aria-describedby": `${ids.fault} ${ids.allowed}`,
    "aria-invalid": fault ? ("true" as const) : undefined,
    autocomplete: "off",
  };
  // A single line would lose line breaks, and hide most of a long text.
  return text.length > longText || /[\r\n]/.test(text) ? (
    <textarea rows={3} {...attributes}>{`\n${text}`}</textarea>
  ) : (
    <input type="text" value={text} {...attributes} />
  );
};
