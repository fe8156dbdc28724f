import ky, { HTTPError } from "ky";
import { shownAddress } from "./addresses.ts";
import { FinalError } from "./lifecycle.ts";

/** A schema (Avro JSON) and those whose names it uses, each before those that refer to it. */
export interface RegisteredSchema {
  schema: string;
  references: string[];
}

export interface Registry {
  /**
   * The id of `schema` (Avro JSON) under `subject`, registered with BACKWARD compatibility where it is new. Idempotent.
   * @throws FinalError where the schema breaks with one that was registered before
   */
  register(subject: string, schema: object): Promise<number>;
  /**
   * The schema of an id, or null where the registry knows none.
   * @throws FinalError where the registry refuses the question; any other error may pass
   */
  schemaOf(id: number): Promise<RegisteredSchema | null>;
}

/**
 * A client of the Schema Registry's Confluent API; requests are tried five times and then throw. A user and a password in
 * the URL are sent as basic authentication.
 */
export function openRegistry(url: string): Registry {
  const shown = shownAddress(url);
  const http = ky.extend({
    prefix: url,
    timeout: 10_000,
    retry: {
      limit: 4,
      methods: ["get", "post", "put"],
      // Apicurio answers 409, and now and then 500, to one of two programs that make the same subject at once.
      statusCodes: [409, 429, 500, 502, 503, 504],
      // undefined leaves it to the statuses; a refused connection is as good a reason.
      shouldRetry: ({ error }) => (error instanceof HTTPError ? undefined : true),
    },
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
  });

  /** Whether the registry takes `json` beside what is registered; a refusal was then a conflict that passes. */
  async function fits(name: string, json: object): Promise<boolean> {
    const path = `compatibility/subjects/${name}/versions/latest`;
    return (await http.post(path, { json }).json<{ is_compatible: boolean }>()).is_compatible;
  }

  /** What the registry has under a path, or null. */
  async function find(path: string): Promise<Answer | null> {
    const response = await http.get(path, { throwHttpErrors: false });
    const { status, ok } = response;
    if (status === 404) return null;
    if (!ok) {
      const final = status >= 400 && status < 500 && status !== 408 && status !== 429;
      throw new (final ? FinalError : Error)(`Schema Registry at ${shown} answers ${status} when asked for ${path}`);
    }
    return response.json<Answer>();
  }

  /** The schemas that one refers to, each once. One that is missing is left out: whoever needs its names says so. */
  async function referencesOf({ references = [] }: Answer, asked: Set<string>): Promise<string[]> {
    const schemas: string[] = [];
    for (const { subject, version } of references) {
      const path = `subjects/${encodeURIComponent(subject)}/versions/${version}`;
      if (asked.has(path) || asked.size >= maxReferences) continue;
      asked.add(path);
      const answer = await find(path);
      if (answer) schemas.push(...(await referencesOf(answer, asked)), answer.schema);
    }
    return schemas;
  }

  return {
    async register(subject, schema) {
      const name = encodeURIComponent(subject);
      const json = { schema: JSON.stringify(schema), schemaType: "AVRO" };
      try {
        // Apicurio's default is NONE, and a subject can have a compatibility before it has a schema.
        await http.put(`config/${name}`, { json: { compatibility: "BACKWARD" } });
        return (await http.post(`subjects/${name}/versions`, { json }).json<{ id: number }>()).id;
      } catch (error) {
        if (error instanceof HTTPError && refusals.includes(error.response.status) && !(await fits(name, json)))
          throw new FinalError(
            `Schema Registry refuses the schema of ${subject}: it breaks with a version that is registered there. ` +
              "Make the change compatible (a new field needs a null or a default), or produce to another topic.",
            { cause: error },
          );
        if (error instanceof HTTPError && [401, 403, 404].includes(error.response.status))
          throw new FinalError(
            `Schema Registry answers ${error.response.status}; is ${shown} its Confluent API? Set schemaRegistry.url, SCHEMA_REGISTRY_URL.`,
            { cause: error },
          );
        throw new Error(`the schema of ${subject} could not be registered at ${shown}`, { cause: error });
      }
    },

    async schemaOf(id) {
      const answer = await find(`schemas/ids/${id}`);
      return answer && { schema: answer.schema, references: await referencesOf(answer, new Set()) };
    },
  };
}

/** Schemas that one schema may refer to, directly or not. */
const maxReferences = 100;

interface Answer {
  schema: string;
  references?: { subject: string; version: number }[];
}

/** What a schema that breaks is answered with; 409 is also what a conflict between two programs is answered with. */
const refusals = [409, 422];
