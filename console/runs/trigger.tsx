import type { DagParam } from "../../operations/airflow.ts";
import { AirflowRefusal } from "../../operations/airflow.ts";
import type { Params } from "./airflow.tsx";

/** What was entered, by param, and which of it Airflow refuses. */
export interface Entered {
  values: Record<string, string>;
  refused?: { param: string | undefined; why: string };
}

/** The DAG's params as a form; what they may be is from the DAG itself. */
export const TriggerForm = ({ params, values, refused }: { params: Params } & Entered) => (
  <form class="inline" method="post" action="/runs/trigger" novalidate>
    {refused && refused.param === undefined && <p role="alert">{refused.why}</p>}
    {Object.entries(params).map(([name, param]) => (
      <Field name={name} param={param} value={values[name]} why={refused?.param === name ? refused.why : undefined} />
    ))}
    <button type="submit" class="main">
      Trigger
    </button>
  </form>
);

interface FieldProps {
  name: string;
  param: DagParam;
  value: string | undefined;
  why: string | undefined;
}

function Field({ name, param, value, why }: FieldProps) {
  const { schema, description } = param;
  const isNumber = schema.type === "integer";
  const about = [description, ...(isNumber ? [`${schema.minimum ?? ""} to ${schema.maximum ?? ""}.`] : [])].join(" ");
  const choices = (schema.items as { enum?: unknown[] } | undefined)?.enum ?? [];
  return (
    <div class="field">
      <label for={`param-${name}`}>{name}</label>
      <input
        id={`param-${name}`}
        name={name}
        value={value ?? textOf(param.value)}
        inputmode={isNumber ? "numeric" : undefined}
        maxlength={200}
        size={isNumber ? 8 : 24}
        autocomplete="off"
        spellcheck={false}
        aria-describedby={`param-${name}-about${why ? ` param-${name}-why` : ""}`}
        aria-invalid={why ? "true" : undefined}
      />
      {why && (
        <span class="bad" id={`param-${name}-why`}>
          {why}
        </span>
      )}
      <span class="faint" id={`param-${name}-about`}>
        {about}
        {choices.length > 0 && ` ${choices.join(", ")}.`}
      </span>
    </div>
  );
}

const textOf = (value: unknown) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

/** What was entered as the DAG takes it. What is no number stays as it is, for Airflow to refuse. */
export function confOf(params: Params, values: Record<string, string>): Record<string, unknown> {
  const conf: Record<string, unknown> = {};
  for (const [name, { schema }] of Object.entries(params)) {
    const text = values[name]?.trim() ?? "";
    const isList = [schema.type].flat().includes("array");
    if (isList) conf[name] = text.split(/[\s,]+/).filter(Boolean);
    else if (schema.type === "integer" && /^[+-]?\d+$/.test(text)) conf[name] = Number(text);
    else conf[name] = text;
  }
  return conf;
}

/** Which param Airflow refuses, and why; what it says after the first line is about its schema. */
export function refusalIn(error: unknown): NonNullable<Entered["refused"]> | undefined {
  if (!(error instanceof AirflowRefusal)) return undefined;
  const [, param, why] = /^Invalid input for param (\w+): ([^\n]*)/.exec(error.detail) ?? [];
  return { param, why: why ?? (error.detail.split("\n", 1)[0] || error.message) };
}
