import type { Config } from "../../runtime/config.ts";
import { type Cures, curesOf, placeOf } from "../doctor/cures.ts";
import { lateness } from "../doctor/examine.ts";
import { type Finding, programs, type Service } from "../doctor/finding.ts";
import type { History } from "./history.ts";
import { type Hop, hopsOf, type Subject } from "./hops.ts";
import { hopsAbout } from "./hops-about.ts";

export interface FlowReport {
  atMs: number;
  hops: Hop[];
  /** What is wrong: with services that are away, and what doctor found, worst first. */
  findings: Finding[];
  run?: { id: string; state: string; atMs: number };
}

/** What doctor found, and when it began to look. */
export interface Diagnosed {
  findings: readonly Finding[];
  atMs: number;
}

/** The pipeline as it is now, hop by hop. Pure. */
export function reportOf(
  subject: Subject,
  history: History,
  diagnosis: Diagnosed | undefined,
  nowMs: number,
): FlowReport {
  const { config, isNative } = subject;
  const cures = curesOf(config.ports, placeOf(isNative));
  const away = awayFindings(history, cures);
  // What it found before a service went away or came back may no longer be so.
  const found = diagnosis && diagnosis.atMs > history.changedMs() ? diagnosis.findings.filter(isNotAnswered) : [];
  const isKnown = (finding: Finding) =>
    away.some(({ about, explains }) => about === finding.about || explains?.includes(finding.about as Service));
  const findings = [...away, ...found.filter((finding) => !isKnown(finding))];
  const run = history.last()?.run;
  return {
    atMs: nowMs,
    hops: hopsOf(subject, history, nowMs).map((hop) => withFindings(hop, findings, config)),
    findings,
    ...(run && run !== "none" && { run: { id: run.id, state: run.state, atMs: run.atMs } }),
  };
}

/** A service that was late for doctor, on a busy machine, is silent here too unless it has answered since. */
const isNotAnswered = ({ about, cause }: Finding) => !(about in programs && cause.startsWith(lateness));

/** What is said at once about a service that accepts no connection, until doctor has looked. */
function awayFindings(history: History, cures: Cures): Finding[] {
  const services = Object.keys(programs) as Exclude<Service, "the stack">[];
  return services.flatMap((service): Finding[] => {
    const trouble = history.trouble(service);
    if (!trouble) return [];
    const { isAway, why } = trouble;
    const cure = isAway
      ? `${cures.start(programs[service])}. ${cures.log(programs[service])}`
      : cures.log(programs[service]);
    const cause = isAway ? `it is away: ${why}` : `it cannot be asked: ${why}`;
    return [{ severity: isAway ? "error" : "warning", about: service, cause, cure, explains: [service] }];
  });
}

/** A hop's state is at least as bad as the worst that was found about it. */
function withFindings(hop: Hop, all: readonly Finding[], config: Config): Hop {
  const findings = all.filter((finding) => hopsAbout(finding, config).includes(hop.name));
  const own = { ...hop, findings };
  if (hop.state === "bad" || findings.length === 0) return own;
  if (findings.some(({ severity }) => severity === "error")) return { ...own, state: "bad", word: "error" };
  return hop.state === "warn" ? own : { ...own, state: "warn", word: "warning" };
}
