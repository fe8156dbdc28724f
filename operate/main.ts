/**
 * The operator's command line: `bun run migrate` and so on, in containers `docker compose run --rm operate migrate`. The
 * commands work on the servers that config.yaml and the environment name; by default the native stack's.
 */
import yargs from "yargs";
import { isCompiled } from "../operations/native-stack.ts";
import { ConfigError } from "../runtime/config.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import { add, addGroup, exitCodes } from "./command.ts";
import { shellFunction, startsCompletion } from "./completion.ts";
import { deadLetters } from "./dead-letters.ts";
import { doctor } from "./doctor.ts";
import { flow } from "./flow.ts";
import { forget } from "./forget.ts";
import { migrate } from "./migrate.ts";
import { rebuild } from "./rebuild.ts";
import { reconcile } from "./reconcile.ts";
import { skip } from "./skip.ts";
import { where } from "./where.ts";

async function main(argv: string[]) {
  const completes = startsCompletion(argv);
  if (argv[0] === "completion" && !isCompiled) console.log(shellFunction);
  let cli = yargs(argv)
    .scriptName(isCompiled || completes ? "operate" : "bun run")
    .usage("$0 <command> [options]")
    .version(false)
    .alias("h", "help")
    .strict()
    .demandCommand(1, "Which command?")
    .completion("completion", "Print a script that completes these commands in bash and zsh")
    .exitProcess(false)
    .fail((message, error, command) => {
      if (error) throw error;
      console.error(`${message}\n`);
      command.showHelp("error");
      process.exitCode = exitCodes.failed;
    });
  cli = add(cli, doctor);
  cli = add(cli, flow);
  cli = addGroup(cli, deadLetters);
  cli = add(cli, forget);
  cli = add(cli, migrate);
  cli = add(cli, reconcile);
  cli = add(cli, rebuild);
  cli = add(cli, skip);
  cli = add(cli, where);
  await cli.parseAsync();
}

try {
  await main(process.argv.slice(process.argv[2] === "operate" ? 3 : 2));
} catch (error) {
  console.error(messageOf(error));
  if (!(error instanceof ConfigError) && process.env.LOG_LEVEL === "debug") console.error(error);
  process.exitCode = exitCodes.failed;
}
process.exit();
