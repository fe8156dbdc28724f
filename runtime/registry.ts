import ky, { HTTPError, type KyInstance } from "ky";
import { shownAddress } from "./addresses.ts";
import { FinalError } from "./lifecycle.ts";

/** A schema (Avro JSON) and the schemas it references, each before those that reference it. */
export interface RegisteredSchema {
  schema: string;
  references: string[];
}

export interface Registry {
  /**
   * Returns the id of `schema` (Avro JSON) under `subject`; registers it with BACKWARD compatibility if it is new.
   * Idempotent.
   * @throws FinalError if the schema is incompatible with a registered version
   */
  register(subject: string, schema: object): Promise<number>;
  /**
   * The schema with this id, or null if the registry has no such id.
   * @throws FinalError if the registry refuses the request; any other error is transient
   */
  schemaOf(id: number): Promise<RegisteredSchema | null>;
}

interface Client {
  http: KyInstance;
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
 * A client of the Schema Registry's Confluent API; each request is attempted five times before it throws. A login
 * in the URL is sent as basic authentication.
 */
export function openRegistry(url: string): Registry {
  const client: Client = { http: openHttp(url), shown: shownAddress(url) };
  return {
    register: (subject, schema) => register(client, subject, schema),
    async schemaOf(id) {
      const answer = await find(client, `schemas/ids/${id}`);
      return answer && { schema: answer.schema, references: await referencesOf(client, answer, new Set()) };
    },
  };
}

const openHttp = (url: string) =>
  ky.extend({
    prefix: url,
    timeout: 10_000,
    retry: {
      limit: 4,
      methods: ["get", "post", "put"],
      // Apicurio answers 409, and occasionally 500, to one of two programs that create the same subject at once.
      statusCodes: [409, 429, 500, 502, 503, 504],
      // undefined: decide by status. Anything else, such as a refused connection, is retried too.
      shouldRetry: ({ error }) => (error instanceof HTTPError ? undefined : true),
    },
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
  });

async function register({ http, shown }: Client, subject: string, schema: object): Promise<number> {
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
    if ([401, 403, 404].includes(status))
      throw new FinalError(
        `Schema Registry answers ${status}; is ${shown} its Confluent API? Set schemaRegistry.url, SCHEMA_REGISTRY_URL.`,
        { cause: error },
      );
    throw new Error(`the schema of ${subject} could not be registered at ${shown}`, { cause: error });
  }
}

/** Whether `json` is compatible with the registered versions; if so, a refusal was a transient conflict. */
async function isCompatible(http: KyInstance, name: string, json: object): Promise<boolean> {
  const path = `compatibility/subjects/${name}/versions/latest`;
  return (await http.post(path, { json }).json<{ is_compatible: boolean }>()).is_compatible;
}

/** The registry's answer for a path, or null if it has none. */
async function find({ http, shown }: Client, path: string): Promise<Answer | null> {
  const response = await http.get(path, { throwHttpErrors: false });
  const { status, ok } = response;
  if (status === 404) return null;
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
