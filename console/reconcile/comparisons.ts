import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isCompiled, project } from "../../operations/native-stack.ts";
import type { Step } from "../../operations/reconcile/reconcile.ts";
import type { Repair } from "../../operations/reconcile/repair.ts";
import type { Report, ReportedProgress } from "../../operations/reconcile/report.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "../clients.ts";

/** Which users are compared; without either, all. */
export interface Scope {
  /** A time or a duration, as `--since` has it. */
  since?: string;
  /** A DAG run's id. */
  run?: string;
}

/** A comparison, or a repair, that is under way. */
export interface Running {
  scope: Scope;
  /** What is repaired: these users, or everything; undefined if nothing is. */
  repairs: readonly string[] | "all" | undefined;
  startedMs: number;
  steps: Map<Step, Omit<ReportedProgress, "step">>;
}

/** A report and what was asked for. */
export interface Kept {
  report: Report;
  scope: Scope;
  tookMs: number;
  /** What came of the repairs since, by user. */
  repaired: Record<string, Pick<Repair, "outcome" | "explanation">>;
}

export interface Comparisons {
  running: () => Running | undefined;
  last: () => Kept | undefined;
  /** Why the last one did not come to its end; undefined if it did. */
  failure: () => { message: string; atMs: number } | undefined;
  /** Begins one, unless one is under way; returns whether it did. With `repairs` these are repaired as well. */
  start: (scope: Scope, repairs?: readonly string[] | "all") => boolean;
  stop: () => void;
}

/** How many findings a page shows. */
const maxFindings = 20;
const maxMessageLength = 2_000;

/**
 * One comparison at a time, in a process of its own: it takes memory and a core for as long as it runs, gives both back
 * at its end, and can be stopped at any moment.
 */
export function openComparisons({ env, stackFolder, log }: Clients): Comparisons {
  const file = stackFolder && join(stackFolder, "console", "reconcile.json");
  let running: Running | undefined;
  let child: Bun.Subprocess | undefined;
  let last: Kept | undefined;
  let failure: ReturnType<Comparisons["failure"]>;
  const loaded = load(file).then((kept) => {
    last ??= kept;
  });
  process.once("exit", () => child?.kill());

  async function carryOut(now: Running) {
    const { scope, repairs, startedMs, steps } = now;
    const ids = repairs === undefined || repairs === "all" ? [] : repairs.flatMap((id) => ["--user", id]);
    const args = [
      ...["reconcile", "--json", "--progress", "json", "--limit", String(maxFindings)],
      ...(scope.since === undefined ? [] : [`--since=${scope.since}`]),
      ...(scope.run === undefined ? [] : [`--run=${scope.run}`]),
      ...(repairs === undefined ? [] : ["--repair", "--yes", ...ids]),
    ];
    const program = isCompiled
      ? [process.execPath, "operate"]
      : [process.execPath, join(project, "operate", "main.ts")];
    const started = Bun.spawn([...program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    const [output, messages, code] = await Promise.all([
      new Response(started.stdout).text(),
      readMessages(started.stderr, ({ step, ...at }) => steps.set(step, at)),
      started.exited,
    ]);
    await loaded;
    if (started.signalCode) throw new Error("it was stopped");
    if (code !== 0 && code !== 1) throw new Error(messages.trim() || `it ended with ${code}`);
    const report = JSON.parse(output) as Report;
    last =
      repairs === undefined
        ? { report, scope, tookMs: Date.now() - startedMs, repaired: {} }
        : after(last, now, report);
    await save(file, last).catch((error: unknown) =>
      log.warn("the report cannot be kept", { error: messageOf(error) }),
    );
  }

  return {
    running: () => running,
    last: () => last,
    failure: () => failure,
    start(scope, repairs) {
      if (running) return false;
      const now: Running = { scope, repairs, startedMs: Date.now(), steps: new Map() };
      running = now;
      failure = undefined;
      void carryOut(now)
        .catch((error: unknown) => {
          failure = { message: messageOf(error), atMs: Date.now() };
        })
        .finally(() => {
          running = undefined;
          child = undefined;
        });
      return true;
    },
    stop: () => child?.kill(),
  };
}

/** The last report with what came of repairs: they compare again first, and leave alone what is not wrong any more. */
function after(last: Kept | undefined, { scope, repairs, startedMs }: Running, report: Report): Kept {
  const kept = last ?? { report, scope, tookMs: Date.now() - startedMs, repaired: {} };
  const done = new Map((report.repairs ?? []).map((one) => [one.id, one]));
  const wanted = repairs === "all" || !repairs ? kept.report.findings.map(({ id }) => id) : repairs;
  const came = wanted.map((id) => {
    const { outcome, explanation } = done.get(id) ?? {
      outcome: "repaired" as const,
      explanation: "nothing is wrong with it any more",
    };
    return [id, { outcome, explanation }] as const;
  });
  return { ...kept, repaired: { ...kept.repaired, ...Object.fromEntries(came) } };
}

/** Reads lines of progress, and returns what else was said. */
async function readMessages(stream: ReadableStream<Uint8Array>, onProgress: (progress: ReportedProgress) => void) {
  let [rest, messages] = ["", ""];
  const take = (line: string) => {
    if (line.startsWith('{"step":')) onProgress(JSON.parse(line));
    else messages = `${messages}${line}\n`.slice(-maxMessageLength);
  };
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
  return messages;
}

async function load(file: string | undefined): Promise<Kept | undefined> {
  try {
    return file === undefined ? undefined : ((await Bun.file(file).json()) as Kept);
  } catch {
    return undefined; // there is none, or one of another version
  }
}

/** Readable only by the account: findings have values of users. */
async function save(file: string | undefined, kept: Kept): Promise<void> {
  if (file === undefined) return;
  await mkdir(dirname(file), { recursive: true });
  await Bun.write(file, "");
  await chmod(file, 0o600);
  await Bun.write(file, JSON.stringify(kept));
}
