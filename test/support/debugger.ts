/** A debugger of a program started with `bun --inspect-wait`; it speaks JavaScriptCore's protocol, as editors do. */
export interface Debugger {
  /** Stops the program at a line of a file, once that is loaded: the first line of its compiled text that matches. */
  breakAt: (file: RegExp, line: string) => void;
  /** Lets the program begin. */
  begin: () => Promise<void>;
  /** Resolves when the program stops at a breakpoint. */
  paused: () => Promise<void>;
  /** The value of an expression where the program stopped. */
  evaluate: (expression: string) => Promise<unknown>;
  /** Removes all breakpoints and lets the program continue. */
  leave: () => Promise<void>;
}

type Parameters = Record<string, unknown>;
interface Incoming {
  id?: number;
  method?: string;
  params?: Parameters;
  result?: Parameters;
  error?: { message: string };
}

export async function openDebugger(url: string): Promise<Debugger> {
  const socket = new WebSocket(url);
  const answers = new Map<number, PromiseWithResolvers<Parameters>>();
  const breakpoints: { file: RegExp; line: string }[] = [];
  const pause = Promise.withResolvers<void>();
  let callFrameId: unknown;

  const ask = (method: string, params: Parameters = {}): Promise<Parameters> => {
    const answer = Promise.withResolvers<Parameters>();
    const id = answers.size + 1;
    answers.set(id, answer);
    socket.send(JSON.stringify({ id, method, params }));
    return answer.promise;
  };
  /** TypeScript is compiled before it runs, so a line has another number. */
  const breakIn = async ({ scriptId, url: path }: Parameters) => {
    for (const { line } of breakpoints.filter(({ file }) => file.test(String(path)))) {
      const { scriptSource } = await ask("Debugger.getScriptSource", { scriptId });
      const lineNumber = String(scriptSource)
        .split("\n")
        .findIndex((text) => text.includes(line));
      await ask("Debugger.setBreakpoint", { location: { scriptId, lineNumber, columnNumber: 0 } });
    }
  };
  socket.addEventListener("message", ({ data }) => {
    const { id, method, params = {}, result, error } = JSON.parse(String(data)) as Incoming;
    if (id !== undefined && error) answers.get(id)?.reject(new Error(error.message));
    else if (id !== undefined) answers.get(id)?.resolve(result ?? {});
    else if (method === "Debugger.scriptParsed") breakIn(params).catch(pause.reject);
    else if (method === "Debugger.paused") {
      callFrameId = (params.callFrames as Parameters[])[0]?.callFrameId;
      pause.resolve();
    }
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no debugger answers at ${url}`)));
  });

  return {
    breakAt: (file, line) => breakpoints.push({ file, line }),
    async begin() {
      for (const domain of ["Inspector", "Runtime", "Debugger"]) await ask(`${domain}.enable`);
      await ask("Debugger.setBreakpointsActive", { active: true });
      await ask("Inspector.initialized");
    },
    paused: () => pause.promise,
    async evaluate(expression) {
      const { result } = await ask("Debugger.evaluateOnCallFrame", { callFrameId, expression, returnByValue: true });
      return (result as Parameters).value;
    },
    async leave() {
      await ask("Debugger.disable");
      socket.close();
    },
  };
}
