import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding, Service } from "./finding.ts";

export interface Patience {
  /** How long a check may take, in milliseconds. */
  withinMs: number;
  /** Whether a check that is late is left out, rather than a finding. */
  skipsLate?: boolean;
}

/** The services that a service cannot work without. */
export type Dependencies = (service: Service) => readonly Service[];

/**
 * Runs all checks at once and resolves with what they found, worst first and otherwise in the order of the checks. What
 * follows from an earlier finding is left out: see `Finding.explains`.
 */
export async function examine(
  checks: readonly Check[],
  clients: Clients,
  { withinMs, skipsLate = false }: Patience,
  dependenciesOf: Dependencies = () => [],
): Promise<Finding[]> {
  const late = AbortSignal.timeout(withinMs);
  const outcomes = await Promise.all(checks.map((check) => outcomeOf(check, clients, late)));
  const explained = new Set<Service>();
  const isExplained = (service: Service): boolean =>
    explained.has(service) || dependenciesOf(service).some((needed) => isExplained(needed));
  const findings: Finding[] = [];
  for (const [index, { of }] of checks.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined || of.some(isExplained) || (outcome.isLate && skipsLate)) continue;
    for (const finding of outcome.findings) {
      if (!findings.some((known) => isSame(known, finding))) findings.push(finding);
      for (const service of finding.explains ?? []) explained.add(service);
    }
  }
  return findings.sort((a, b) => rank(a) - rank(b));
}

interface Outcome {
  findings: Finding[];
  isLate?: boolean;
}

async function outcomeOf(check: Check, clients: Clients, late: AbortSignal): Promise<Outcome> {
  const tooLate = Promise.withResolvers<Outcome>();
  late.addEventListener("abort", () =>
    tooLate.resolve({ findings: [cannotLook(check, "no answer in time")], isLate: true }),
  );
  const look = async () => ({ findings: await check.look(clients, late) });
  return Promise.race([
    look().catch((error) => ({ findings: [cannotLook(check, messageOf(error))] })),
    tooLate.promise,
  ]);
}

/** The finding of a check that failed. Every other check of the same service would only repeat it. */
function cannotLook({ what, of }: Check, why: string): Finding {
  const [service] = of;
  return {
    severity: "error",
    about: service ?? "this machine",
    cause: `could not look at ${what}: ${why.split("\n")[0]}`,
    cure: service ? "See its log" : "Run it again with LOG_LEVEL=debug",
    ...(service && { explains: [service] }),
  };
}

const isSame = (one: Finding, other: Finding) => one.about === other.about && one.cause === other.cause;

const rank = ({ severity }: Finding) => (severity === "error" ? 0 : 1);
