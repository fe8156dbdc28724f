import { valueSubject } from "../../contract/entity.ts";
import { contractAttribute, newerFields } from "../../contract/newer-schema.ts";
import { editReaderOf, editSchema, newerEditFields } from "../../contract/user-edits.ts";
import { avroSchema, isRejected, readerOf } from "../../contract/wire.ts";
import { shownAddress } from "../../runtime/addresses.ts";
import { askWithAccess, curlFor } from "../../runtime/http-access.ts";
import { openRegistry } from "../../runtime/registry.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const registryCheck: Check = { what: "schemas", of: ["Schema Registry"], look: lookAtSubjects };

/** A topic's subject, and what its latest version is held against. */
interface Subject {
  subject: string;
  schema: object;
  newerFields: (schema: string) => string[];
  readerOf: (schema: string, references: readonly string[]) => (body: Buffer) => object;
  /** Who registers the contract's schema. */
  registers: string;
  /** The setting of the topic. */
  setting: string;
}

const subjectsOf = ({ config: { kafka } }: Clients): Subject[] => [
  {
    subject: valueSubject(kafka.topic),
    schema: avroSchema,
    newerFields,
    readerOf,
    registers: "Run the DAG once: its task produce registers the contract's schema",
    setting: "KAFKA_TOPIC",
  },
  {
    subject: valueSubject(kafka.editTopic),
    schema: editSchema,
    newerFields: newerEditFields,
    readerOf: editReaderOf,
    registers: "Update the API: its next write registers the contract's schema",
    setting: "KAFKA_EDIT_TOPIC",
  },
];

/** A subject's latest version, as the registry has it. */
interface Latest {
  id: number;
  version: number;
  schema: string;
}

/** Whether the latest schemas are the contract's, and whether the registry refuses incompatible ones. */
async function lookAtSubjects(clients: Clients, stop: AbortSignal): Promise<Finding[]> {
  const ask = <T>(path: string) => answerOf<T>(clients, path, stop);
  const looks = subjectsOf(clients).map(async (subject) => {
    const name = encodeURIComponent(subject.subject);
    const latest = await ask<Latest>(`subjects/${name}/versions/latest`);
    if (latest === null) return []; // the first producer registers it
    return [...(await lookAtLatest(subject, latest, clients)), ...(await lookAtCompatibility(subject, ask, clients))];
  });
  return (await Promise.all(looks)).flat();
}

async function lookAtLatest(subject: Subject, latest: Latest, { config, web }: Clients): Promise<Finding[]> {
  const about = `subject ${subject.subject}`;
  const newer = subject.newerFields(latest.schema);
  if (newer.length > 0)
    return [
      {
        severity: "warning",
        about,
        cause: `version ${latest.version} has ${listed(newer)}: this version of the project is older than what produces`,
        cure: "Update this machine's checkout or image, and roll it out as docs/new-field.md says",
      },
    ];
  const registered = await openRegistry({ ...config.schemaRegistry, url: web.registry }).schemaOf(latest.id);
  const why = registered && whyUnreadable(subject, registered.schema, registered.references);
  if (why)
    return [
      {
        severity: "error",
        about,
        cause: `version ${latest.version} is not of this project: ${why}`,
        cure: `Find out what registers it, or use another topic (${subject.setting}): its records become dead letters`,
      },
    ];
  const missing = missingFields(subject, latest.schema);
  if (missing.length === 0) return [];
  return [
    {
      severity: "warning",
      about,
      cause: `version ${latest.version} is of an earlier contract, without ${listed(missing)}: nothing has produced with this one yet`,
      cure: subject.registers,
    },
  ];
}

/** Why a schema's records cannot be read; no record is needed to tell, so an empty one will do. */
function whyUnreadable({ readerOf }: Subject, schema: string, references: string[]): string | undefined {
  const outcome = readerOf(schema, references)(Buffer.alloc(0));
  if (!isRejected(outcome)) return undefined;
  const [, why] = /cannot become .*?: (.*)/.exec(outcome.detail) ?? [];
  return why;
}

/** The contract's fields that an earlier version of it lacks. Other producers' schemas are theirs to choose. */
function missingFields({ schema }: Subject, latest: string): string[] {
  const written = JSON.parse(latest) as WrittenRecord;
  if (!Array.isArray(written[contractAttribute])) return [];
  const names = new Set(fieldsIn(written));
  return fieldsIn(schema).filter((name) => !names.has(name));
}

interface WrittenRecord {
  fields?: { name: string; type: unknown }[];
  [contractAttribute]?: string[];
}

/** The names of a record's fields, `user.email` for those of a record in it. */
const fieldsIn = ({ fields = [] }: WrittenRecord): string[] =>
  fields.flatMap(({ name, type }) => {
    const inner = ([type].flat() as (WrittenRecord | null)[]).find((branch) => Array.isArray(branch?.fields));
    return [name, ...(inner ? fieldsIn(inner).map((each) => `${name}.${each}`) : [])];
  });

const listed = (names: string[]) => `the ${names.length === 1 ? "field" : "fields"} ${names.join(", ")}`;

const isStrictEnough = (level: string) => /^(BACKWARD|FULL)(_TRANSITIVE)?$/.test(level);

type Ask = <T>(path: string) => Promise<T | null>;

async function lookAtCompatibility(
  { subject }: Subject,
  ask: Ask,
  { config: { schemaRegistry }, web, cures }: Clients,
): Promise<Finding[]> {
  const path = `config/${encodeURIComponent(subject)}`;
  const config =
    (await ask<{ compatibilityLevel: string }>(path)) ?? (await ask<{ compatibilityLevel: string }>("config"));
  const level = config?.compatibilityLevel ?? "NONE";
  if (isStrictEnough(level)) return [];
  return [
    {
      severity: "warning",
      about: `subject ${subject}`,
      cause: `its compatibility is ${level}, so a schema that cannot be read would be accepted`,
      cure: `Set it: \`${curlFor(schemaRegistry)} -X PUT ${cures.address(`${web.registry}/${path}`)} -H 'Content-Type: application/json' -d '{"compatibility": "BACKWARD"}'\``,
    },
  ];
}

/** The registry's answer, or null if it has no such thing. */
async function answerOf<T>({ config, web }: Clients, path: string, stop: AbortSignal): Promise<T | null> {
  const url = `${web.registry}/${path}`;
  const init = { signal: stop, headers: { connection: "close" } };
  const response = await askWithAccess(url, init, "schemaRegistry", { ...config.schemaRegistry, url: web.registry });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${shownAddress(url)} answers ${response.status}`);
  return (await response.json()) as T;
}
