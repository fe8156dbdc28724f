import { diagnose, withinTenSeconds } from "../operations/doctor/doctor.ts";
import { type Finding, textOf } from "../operations/doctor/finding.ts";
import { subjectOf } from "../operations/doctor/subject.ts";
import { paint } from "../runtime/progress.ts";
import { allSettings, embeddedSource, salvageConfig } from "../sources/config.ts";
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
    const { env } = process;
    const salvaged = salvageConfig();
    const source = embeddedSource(salvaged.config, env);
    const subject = subjectOf({ ...salvaged, ...source, settings: allSettings, env });
    const findings = await diagnose(subject, withinTenSeconds());
    if (json) console.log(JSON.stringify({ findings: findings.map(({ explains: _, ...finding }) => finding) }));
    else console.log(findings.length === 0 ? "nothing found" : findings.map(lineOf).join("\n"));
    return findings.length === 0 ? 0 : 1;
  },
};

function lineOf(finding: Finding): string {
  const { severity } = finding;
  const word = paint(severity === "error" ? ["bold", "red"] : "yellow", severity, process.stdout);
  return `${word}${" ".repeat(9 - severity.length)}${textOf(finding)}`;
}
