import { styleText } from "node:util";

/** Progress on stderr, one line per step: redrawn on a terminal, appended elsewhere. */
export interface Progress {
  /** Starts a step, or updates the text of a running one. */
  start: (name: string, text: string) => void;
  done: (name: string, note: string) => void;
  failed: (name: string) => void;
  /** Stops redrawing; the screen stays as it is. */
  end: () => void;
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMs = 100;

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Colours text if `stream` is a terminal and NO_COLOR is not set. */
export const paint = (
  style: Parameters<typeof styleText>[0],
  text: string,
  stream: NodeJS.WriteStream = process.stderr,
) => (stream.isTTY && !process.env.NO_COLOR ? styleText(style, text, { validateStream: false }) : text);

export function openProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? liveProgress(stream) : plainProgress(stream);
}

function plainProgress(stream: NodeJS.WriteStream): Progress {
  const since = new Map<string, number>();
  const lastText = new Map<string, string>();
  const write = (name: string, text: string) => stream.write(`${name.padEnd(16)} ${text}\n`);
  const finish = (name: string, note: string) => {
    write(name, `${note}  (${seconds(Date.now() - (since.get(name) ?? Date.now()))})`);
    since.delete(name);
  };
  return {
    start(name, text) {
      if (!since.has(name)) since.set(name, Date.now());
      if (lastText.get(name) !== text) write(name, `${text} …`);
      lastText.set(name, text);
    },
    done: finish,
    failed: (name) => finish(name, "failed"),
    end() {},
  };
}

function liveProgress(stream: NodeJS.WriteStream): Progress {
  const steps = new Map<string, { since: number; took?: number; text: string; state: "busy" | "done" | "failed" }>();
  let drawn = 0;
  let frame = 0;
  const draw = () => {
    frame++;
    const lines = [...steps].map(([name, { since, took, text, state }]) => {
      const time = seconds(took ?? Date.now() - since).padStart(7);
      const mark =
        state === "busy"
          ? paint("cyan", frames[frame % frames.length] ?? "", stream)
          : state === "done"
            ? paint("green", "✔", stream)
            : paint("red", "✘", stream);
      const room = Math.max(10, (stream.columns ?? 80) - 30);
      return `${mark} ${name.padEnd(16)} ${time}  ${paint("dim", text.slice(0, room), stream)}`;
    });
    const up = drawn > 0 ? `\u001b[${drawn}A` : "";
    stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, frameMs);
  const finish = (name: string, state: "done" | "failed", text?: string) => {
    const step = steps.get(name);
    if (step) steps.set(name, { ...step, state, text: text ?? step.text, took: Date.now() - step.since });
    draw();
  };
  return {
    start(name, text) {
      const step = steps.get(name);
      steps.set(name, { since: step?.state === "busy" ? step.since : Date.now(), text, state: "busy" });
    },
    done: (name, note) => finish(name, "done", note),
    failed: (name) => finish(name, "failed"),
    end() {
      clearInterval(timer);
    },
  };
}
