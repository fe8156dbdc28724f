import ky, { HTTPError, type KyInstance } from "ky";
import { accessErrorIn } from "./access-error.ts";
import { shownAddress } from "./addresses.ts";
import type { Config } from "./config.ts";
import { type HttpAccess, httpAccess, requestRefusal, statusRefusal } from "./http-access.ts";
import { FinalError } from "./lifecycle.ts";
import { MissingSchema, type MissingThing } from "./missing.ts";

/** A schema (Avro JSON) and the schemas it references, each before those that reference it. */
export interface RegisteredSchema {
  schema: string;
  references: string[];
}

export interface Registry {
  /**
   * Returns the id of `schema` (Avro JSON) under `subject`; registers it with BACKWARD compatibility if it is new.
   * Idempotent.
   * @throws FinalError if the schema is incompatible with a registered version, MissingSchema if it is new and may not be
   * registered
   */
  register(subject: string, schema: object): Promise<number>;
  /**
   * The schema with this id, or null if the registry has no such id.
   * @throws FinalError if the registry refuses the request; any other error is transient
   */
  schemaOf(id: number): Promise<RegisteredSchema | null>;
}

export type RegistrySettings = Pick<Config["schemaRegistry"], "url"> & HttpAccess;

interface Client {
  http: KyInstance;
  settings: RegistrySettings;
  /** The registry's address without secrets, for error messages. */
  shown: string;
}

interface Answer {
  schema: string;
  references?: { subject: string; version: number }[];
}

/** How many schemas one schema may reference, directly or indirectly. */
const maxReferences = 100;

/** Statuses for an incompatible schema; 409 is also used for a conflict between two programs. */
const refusals = [409, 422];

/**
 * A client of the Schema Registry's Confluent API; each request is attempted five times before it throws, or once, with an
 * AccessError, where waiting does not help. A login in the URL is sent as basic authentication. Without `manageSchema` it
 * registers nothing and sets no compatibility.
 */
export function openRegistry(settings: RegistrySettings, manageSchema = true): Registry {
  const client: Client = { http: openHttp(settings), settings, shown: shownAddress(settings.url) };
  return {
    register: (subject, schema) => (manageSchema ? register : expectRegistered)(client, subject, schema),
    async schemaOf(id) {
      const answer = await find(client, `schemas/ids/${id}`);
      return answer && { schema: answer.schema, references: await referencesOf(client, answer, new Set()) };
    },
  };
}

function openHttp(settings: RegistrySettings) {
  const { url } = settings;
  const { headers, tls } = httpAccess(settings);
  const explained: typeof fetch = Object.assign(
    (...given: Parameters<typeof fetch>) =>
      fetch(...given).catch(async (error: unknown) => {
        throw (await requestRefusal(error, url, "schemaRegistry", settings)) ?? error;
      }),
    { preconnect: fetch.preconnect },
  );
  return ky.extend({
    prefix: url,
    fetch: explained,
    ...(tls && { tls }), // ky passes on what it does not know
    timeout: 10_000,
    retry: {
      limit: 4,
      methods: ["get", "post", "put"],
      // Apicurio answers 409, and occasionally 500, to one of two programs that create the same subject at once.
      statusCodes: [409, 429, 500, 502, 503, 504],
      // undefined: decide by status. Anything else, such as a refused connection, is retried too.
      shouldRetry: ({ error }) => (error instanceof HTTPError ? undefined : accessErrorIn(error) === undefined),
    },
    headers: { "content-type": "application/vnd.schemaregistry.v1+json", ...headers },
  });
}

async function register({ http, settings, shown }: Client, subject: string, schema: object): Promise<number> {
  const name = encodeURIComponent(subject);
  const json = { schema: JSON.stringify(schema), schemaType: "AVRO" };
  try {
    // Apicurio's default is NONE; a subject's compatibility can be set before its first schema.
    await http.put(`config/${name}`, { json: { compatibility: "BACKWARD" } });
    return (await http.post(`subjects/${name}/versions`, { json }).json<{ id: number }>()).id;
  } catch (error) {
    const status = error instanceof HTTPError ? error.response.status : 0;
    if (refusals.includes(status) && !(await isCompatible(http, name, json)))
      throw new FinalError(
        `Schema Registry refuses the schema of ${subject}: it is incompatible with a registered version. ` +
          "Make the change compatible (a new field needs a null or a default), or produce to another topic.",
        { cause: error },
      );
    const refusal = accessErrorIn(error) ?? statusRefusal(status, settings.url, "schemaRegistry", settings);
    if (refusal) throw refusal;
    if (status === 404)
      throw new FinalError(
        `Schema Registry answers ${status}; is ${shown} its Confluent API? Set schemaRegistry.url, SCHEMA_REGISTRY_URL.`,
        { cause: error },
      );
    throw new Error(`the schema of ${subject} could not be registered at ${shown}`, { cause: error });
  }
}

/** The id of a schema that is registered under a subject. */
async function expectRegistered({ http, settings, shown }: Client, subject: string, schema: object): Promise<number> {
  const name = encodeURIComponent(subject);
  const json = { schema: JSON.stringify(schema), schemaType: "AVRO" };
  const response = await http.post(`subjects/${name}`, { json, throwHttpErrors: false });
  const refusal = statusRefusal(response.status, settings.url, "schemaRegistry", settings);
  if (refusal) throw refusal;
  if (response.status === 404) throw new MissingSchema(subjectToCreate(settings.url, subject, schema));
  if (!response.ok) throw new Error(`Schema Registry at ${shown} answers ${response.status} to subjects/${name}`);
  return (await response.json<{ id: number }>()).id;
}

/** The schema of a subject, with the commands that register it and have incompatible ones refused. */
export function subjectToCreate(url: string, subject: string, schema: object): MissingThing[] {
  const address = shownAddress(url);
  const name = encodeURIComponent(subject);
  const curl = (method: string, path: string, body: object) =>
    `curl -X ${method} ${address}/${path} -H 'Content-Type: application/vnd.schemaregistry.v1+json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
  return [
    {
      what: `compatibility of subject ${subject}`,
      statement: curl("PUT", `config/${name}`, { compatibility: "BACKWARD" }),
    },
    {
      what: `schema of subject ${subject}`,
      statement: curl("POST", `subjects/${name}/versions`, { schema: JSON.stringify(schema), schemaType: "AVRO" }),
    },
  ];
}

/** Whether `json` is compatible with the registered versions; if so, a refusal was a transient conflict. */
async function isCompatible(http: KyInstance, name: string, json: object): Promise<boolean> {
  const path = `compatibility/subjects/${name}/versions/latest`;
  return (await http.post(path, { json }).json<{ is_compatible: boolean }>()).is_compatible;
}

/** The registry's answer for a path, or null if it has none. */
async function find({ http, settings, shown }: Client, path: string): Promise<Answer | null> {
  const response = await http.get(path, { throwHttpErrors: false });
  const { status, ok } = response;
  if (status === 404) return null;
  const refusal = statusRefusal(status, settings.url, "schemaRegistry", settings);
  if (refusal) throw refusal;
  if (!ok) {
    const final = status >= 400 && status < 500 && status !== 408 && status !== 429;
    throw new (final ? FinalError : Error)(`Schema Registry at ${shown} answers ${status} to ${path}`);
  }
  return response.json<Answer>();
}

/** The schemas that one references, each once. A missing one is omitted: the reader that needs its names reports it. */
async function referencesOf(client: Client, { references = [] }: Answer, asked: Set<string>): Promise<string[]> {
  const schemas: string[] = [];
  for (const { subject, version } of references) {
    const path = `subjects/${encodeURIComponent(subject)}/versions/${version}`;
    if (asked.has(path) || asked.size >= maxReferences) continue;
    asked.add(path);
    const answer = await find(client, path);
    if (answer) schemas.push(...(await referencesOf(client, answer, asked)), answer.schema);
  }
  return schemas;
}
