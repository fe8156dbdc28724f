/** The stack's command line: `bun run up`, `bun run demo` and so on; package.json has a script for each command. */
import { ConfigError } from "../runtime/config.ts";
import { paint } from "../runtime/progress.ts";
import { clusterOption, parseCommandLine, secureOption } from "./cli/command-line.ts";
import { commands } from "./cli/commands.ts";
import { StackError } from "./failure.ts";
import { openInstance } from "./instance.ts";
import { makeSecure, noSecureCluster, trustCertificates } from "./secure.ts";

async function main(argv: string[]): Promise<number> {
  const request = parseCommandLine(commands, argv);
  if ("help" in request) {
    console.log(request.help);
    return 0;
  }
  if ("usageError" in request) {
    console.error(request.usageError);
    return 2;
  }
  const stop = new AbortController();
  const interrupted = () => stop.abort(new StackError("Interrupted", "Everything this command started was stopped."));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    const { command, args } = request;
    if ([secureOption, clusterOption].every((option) => args.includes(option))) throw noSecureCluster();
    const opened = await openInstance();
    const wants = (option: string) => command.options?.[option] !== undefined && args.includes(option);
    const instance = wants(secureOption) ? await makeSecure(opened) : opened;
    await trustCertificates(instance, stop.signal);
    return await command.run(instance, args, stop.signal);
  } catch (error) {
    explain(error);
    return 1;
  }
}

function explain(error: unknown) {
  if (!(error instanceof StackError || error instanceof ConfigError)) {
    console.error(error);
    return;
  }
  if (error instanceof StackError) for (const line of error.logTail) console.error(paint("dim", `  ${line}`));
  console.error(`${paint(["bold", "red"], "✘")} ${error.message}`);
  if (error.cause) console.error(`  ${error.cause instanceof Error ? error.cause.message : error.cause}`);
  if (error instanceof StackError) console.error(`  ${error.remedy}`);
  if (error instanceof StackError && error.diagnosis) console.error(error.diagnosis);
}

process.exit(await main(process.argv.slice(2)));
