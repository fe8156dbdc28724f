import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "./clients.ts";
import { type Check, type Finding, programs, refusalFinding, type Service } from "./finding.ts";

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
  const outcomes = await Promise.all(checks.map((check) => outcomeOf(check, clients, withinMs, late)));
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

/** How the cause of a finding begins if its check was late. */
export const lateness = "no answer within";

interface Outcome {
  findings: Finding[];
  isLate?: boolean;
}

async function outcomeOf(check: Check, clients: Clients, withinMs: number, late: AbortSignal): Promise<Outcome> {
  const { what } = check;
  const tooLate = Promise.withResolvers<Outcome>();
  late.addEventListener("abort", () => {
    const cause = `${lateness} ${(withinMs / 1_000).toFixed(1)} s when asked about ${what}`;
    tooLate.resolve({ findings: [cannotLook(check, cause, clients)], isLate: true });
  });
  const look = async () => ({ findings: await check.look(clients, late) });
  const failed = (error: unknown) => {
    const refusal = check.of[0] && refusalFinding(error, check.of[0]);
    if (refusal) return { findings: [refusal] };
    const cause = `could not look at ${what}: ${messageOf(error).split("\n")[0]}`;
    return { findings: [cannotLook(check, cause, clients)] };
  };
  return Promise.race([look().catch(failed), tooLate.promise]);
}

/** The finding of a check that failed. Every other check of the same service would only repeat it. */
function cannotLook({ of: [service] }: Check, cause: string, { cures }: Clients): Finding {
  if (service === undefined || service === "the stack")
    return { severity: "error", about: "this machine", cause, cure: "Look at it by hand, then run doctor again" };
  const cure = cures.log(programs[service]);
  return { severity: "error", about: service, cause, cure, explains: [service] };
}

const isSame = (one: Finding, other: Finding) => one.about === other.about && one.cause === other.cause;

const rank = ({ severity }: Finding) => (severity === "error" ? 0 : 1);
