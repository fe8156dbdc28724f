import type { SettingInfo } from "../../runtime/setting.ts";
import type { Finding } from "./finding.ts";

/** What is set, and where. */
export interface SettingsGiven {
  /** Every setting. */
  settings: readonly SettingInfo[];
  /** The configuration file's name. */
  file: string;
  /** What is wrong with the configuration: `key: what is wrong; what to do`. */
  faults: readonly string[];
  env: Record<string, string | undefined>;
  /** The text of .env, if there is one. */
  dotEnv?: string;
}

/** Variables that are not settings: addresses and folders that the stack's programs have, and those of docker-compose.yml. */
const furtherVariables = [
  ..."CONFIG_FILE STACK_DIR STACK_FOR_TESTS TASKS_BIN RUNS_DIR USER_AUTOMATION_CACHE OPERATE_COMMAND".split(" "),
  ..."CONNECT_URL AIRFLOW_URL AIRFLOW_USER AIRFLOW_PASSWORD API_URL CONSOLE_URL CONSUMER_URL".split(" "),
  ..."SPARK_URL SPARK_MASTER_URL SPARK_UI_URL SPARK_JOB SPARK_HOME JAVA_HOME JAVA17_HOME PYTHON AIRFLOW_HOME AIRFLOW_KEYS AIRFLOW_DB_PASSWORD USERS_DB_PASSWORD".split(
    " ",
  ),
  ..."POSTGRES_USER CONNECT_UI_PORT CONTROL_CENTER_PORT SPARK_MASTER_UI_PORT ZOOKEEPER_PORT".split(" "),
];

/** What is wrong with the settings, and variables that are probably misspelt. Pure. */
export function settingFindings({ settings, file, faults, env, dotEnv = "" }: SettingsGiven): Finding[] {
  const files = settings.filter(({ secret }) => secret).map((setting) => `${setting.env}_FILE`);
  const known = [...settings.map((setting) => setting.env), ...files, ...furtherVariables];
  const keys = [...new Set(settings.flatMap(({ path }) => path.map((_, index) => path.slice(0, index + 1).join("."))))];
  const lines = dotEnv.split("\n").map((text, index) => ({ text: text.trim(), where: `.env, line ${index + 1}` }));
  const inFile = lines.flatMap(({ text, where }) => {
    const [, name] = variable.exec(text) ?? [];
    return name === undefined ? [] : [{ name, where }];
  });
  const elsewhere = Object.keys(env).filter((name) => env[name] && !inFile.some((line) => line.name === name));
  const variables = [...inFile, ...elsewhere.map((name) => ({ name, where: "the environment" }))];
  return [
    ...faults.map((fault) => faultFinding(fault, keys, file)),
    ...variables.flatMap(({ name, where }) => misspelt(name, where, known)),
    ...lines.flatMap(({ text, where }) => (isLine(text) ? [] : [noVariable(where)])),
  ];
}

const variable = /^(?:export\s+)?([A-Za-z_]\w*)\s*[=:]/;
const isLine = (text: string) =>
  text === "" || text.startsWith("#") || variable.test(text) || /^["']?[^=]*["']$/.test(text);

const noVariable = (where: string): Finding => ({
  severity: "warning",
  about: where,
  cause: "it has no effect, since it is not of the form NAME=value",
  cure: "Correct it, or begin it with # if it is a comment",
});

function faultFinding(fault: string, keys: string[], file: string): Finding {
  const [cause = "", cure] = fault.split(/; (?=set it|set that|correct it|lower that|remove )/);
  const [, group = "", unknown] = /^([\w.]+|\(top level\)): .*[Kk]ey.*"(\w+)"/.exec(cause) ?? [];
  const meant = unknown && closest(group === "(top level)" ? unknown : `${group}.${unknown}`, keys);
  return {
    severity: "error",
    about: file,
    cause: meant ? `${cause}: did you mean ${meant}?` : cause.replace(`${file} `, ""),
    cure: cure ? `${cure.charAt(0).toUpperCase()}${cure.slice(1)}` : "Correct it",
  };
}

function misspelt(name: string, where: string, known: string[]): Finding[] {
  if (known.includes(name)) return [];
  const meant = closest(name, known);
  if (meant === undefined) return [];
  return [
    {
      severity: "warning",
      about: where,
      cause: `${name} is not a setting: did you mean ${meant}?`,
      cure: `Rename it to ${meant}, or remove it`,
    },
  ];
}

/** The known name that one differs from by a slip of the fingers; undefined if there is none. */
function closest(name: string, known: readonly string[]): string | undefined {
  return known.find((each) => isSlip(name, each));
}

/**
 * Whether two names differ by a slip in their words: one in a short word, two in a long one, three in all. Other programs'
 * variables are often one word away from ours (POSTGRES_HOST, POSTGRES_PORT), and a different word is no slip.
 */
function isSlip(name: string, other: string): boolean {
  if (Math.abs(name.length - other.length) > 3) return false;
  const [words, others] = [wordsOf(name), wordsOf(other)];
  if (words.length !== others.length) return words.join("") === others.join("") || distance(name, other) === 1;
  const slips = words.map((word, index) => ({ word, slips: distance(word, others[index] ?? "") }));
  const isWithin = ({ word, slips: count }: (typeof slips)[number]) =>
    count <= (word.length > 5 ? 2 : word.length > 3 ? 1 : 0);
  return slips.every(isWithin) && slips.reduce((sum, { slips: count }) => sum + count, 0) <= 3;
}

const wordsOf = (name: string) => name.toUpperCase().split(/[_.]/);

/** The optimal string alignment distance: insertions, deletions, substitutions, and transpositions of neighbours. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row++) {
    rows[row] = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + cost);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, at(row - 2, column - 2) + 1);
      rows[row]![column] = least;
    }
  }
  return at(a.length, b.length);
}
