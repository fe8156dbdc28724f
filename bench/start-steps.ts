import { services } from "../stack/services/catalogue.ts";

const installer = "installer";

/** One step of a start. */
export interface Step {
  name: string;
  text: string;
  /** When it began and how long it took, in seconds since the command. */
  began: number;
  took: number;
  /** Of the steps that it waits for, the one that ended last. */
  after?: string;
}

/** Reads the steps from the progress on a demo's standard error as it arrives. `begin` is a `performance.now()` time. */
export async function readSteps(stream: ReadableStream<Uint8Array>, begin: number) {
  const steps: Step[] = [];
  const running = new Map<string, Step>();
  const ended: string[] = [];
  let text = "";

  function end(name: string, at: number) {
    const step = running.get(name);
    if (!step) return;
    step.took = at - step.began;
    running.delete(name);
  }

  /** A service waits for some; the run and the connector wait for all. */
  function lastBefore(name: string) {
    if (steps.some((step) => step.name === name)) return;
    const { dependsOn } = services.find((service) => service.name === name) ?? {};
    return ended.findLast((other) => dependsOn?.includes(other) ?? true);
  }

  function read(line: string, at: number) {
    const { name, text: doing, isEnd } = parseLine(line) ?? {};
    if (!name || doing === undefined) return;
    if (running.get(name)?.text === doing) return;
    if (name !== installer) end(installer, at);
    end(name, at);
    if (isEnd) {
      ended.push(name);
      return;
    }
    const step: Step = { name, text: doing, began: at, took: 0, after: lastBefore(name) };
    running.set(name, step);
    steps.push(step);
  }

  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const chunk = decoder.decode(bytes, { stream: true });
    text += chunk;
    const at = (performance.now() - begin) / 1_000;
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) read(line, at);
  }
  return { steps, text };
}

/**
 * `kafka            starting Kafka …` begins a step, and `kafka            ready at 127.0.0.1:9092  (3.1 s)` ends it. The
 * installer's lines begin `python: ` or `jars: `, and the first line of the stack ends them.
 */
function parseLine(line: string): { name: string; text: string; isEnd: boolean } | undefined {
  const [, tool, doing] = /^(python|jars): (.*)$/.exec(line) ?? [];
  if (tool && doing) return { name: installer, text: `${tool}: ${doing}`, isEnd: false };
  const [, name, text, ending] = /^(\S.{0,15}?) {2,}(.*?)(?: …|( {2}\(\d+\.\d s\)))$/.exec(line) ?? [];
  if (!name || text === undefined) return;
  return { name, text: text.replace(/^run \S+: .*/, "the run"), isEnd: ending !== undefined };
}
