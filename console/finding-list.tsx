import type { Finding } from "../operations/doctor/finding.ts";

/** What doctor finds, with causes and cures. */
export const FindingList = ({ findings }: { findings: readonly Finding[] }) => (
  <ul class="findings">
    {findings.map((finding) => (
      <One {...finding} />
    ))}
  </ul>
);

const One = ({ severity, about, cause, cure }: Finding) => (
  <li>
    <p>
      <span class={severity === "error" ? "bad" : "warn"}>{severity}</span> <strong>{about}</strong>
    </p>
    <p>{sentence(cause)}</p>
    <p>
      <WithCommands text={sentence(cure)} />
    </p>
  </li>
);

/** A text in which commands stand between backticks. */
const WithCommands = ({ text }: { text: string }) => (
  <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code>{part}</code> : part))}</>
);

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
