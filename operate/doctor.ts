import { existsSync, readFileSync } from "node:fs";
import { diagnose, type Subject } from "../operations/doctor/doctor.ts";
import { type Finding, textOf } from "../operations/doctor/finding.ts";
import { postgresUrl, project, stackFolder, usesStack } from "../operations/native-stack.ts";
import { paint } from "../runtime/progress.ts";
import { allSettings, salvageConfig } from "../sources/config.ts";
import { type Command, jsonOption } from "./command.ts";

type Given = { json?: boolean };

export const doctor: Command<Given> = {
  name: "doctor",
  summary: "Look at everything that can go wrong, and say what is wrong and what to do",
  detail: "Worst first. What only follows from another finding is left out. Takes at most ten seconds.",
  options: (yargs) =>
    yargs
      .option("json", jsonOption)
      .example("$0 doctor", "prints a line for everything that is wrong, with its cure")
      .example("$0 doctor --json | jq .findings", "for programs"),
  exits: { 0: "nothing found", 1: "something was found", 2: "it could not look" },
  async run({ json = false }) {
    const findings = await diagnose(subject());
    if (json) console.log(JSON.stringify({ findings: findings.map(({ explains: _, ...finding }) => finding) }));
    else console.log(findings.length === 0 ? "nothing found" : findings.map(lineOf).join("\n"));
    return findings.length === 0 ? 0 : 1;
  },
};

/** What the settings name; if they are wrong, as far as they are right. */
function subject(env = process.env): Subject {
  const { config, faults } = salvageConfig(env);
  const dotEnv = existsSync(".env") ? readFileSync(".env", "utf8") : undefined;
  const stack = usesStack(config) ? { folder: stackFolder(env), project, settings: allSettings } : undefined;
  return {
    config,
    env,
    postgresUrl: postgresUrl(config),
    isNative: stack !== undefined,
    stack,
    given: { settings: allSettings, file: config.file, faults, env, dotEnv },
  };
}

function lineOf(finding: Finding): string {
  const { severity } = finding;
  const word = paint(severity === "error" ? ["bold", "red"] : "yellow", severity, process.stdout);
  return `${word}${" ".repeat(9 - severity.length)}${textOf(finding)}`;
}
