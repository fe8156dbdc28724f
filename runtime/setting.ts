import { z } from "zod";

/** What is known of a setting besides its schema. */
interface About {
  /** The environment variable that overrides it. */
  env: string;
  /** Its sentence in the README and in config.yaml. */
  description: string;
  /** A value to show, commented out, in config.yaml; for settings without a default. */
  example?: string;
  /** Whether its value must not appear in any log or error. It can also be given as `VARIABLE_FILE`, a file with it. */
  secret?: boolean;
  /** Whether it names a file, which must be readable. */
  isFile?: boolean;
}

export const setting = <T extends z.ZodType>(
  schema: T,
  env: string,
  description: string,
  more: Pick<About, "example" | "secret" | "isFile"> = {},
) => schema.meta({ env, description, ...more });

export const port = (number: number, env: string, what: string) =>
  setting(z.coerce.number().int().min(1).max(65_535).default(number), env, what);
export const text = (value: string, env: string, what: string) => setting(z.string().min(1).default(value), env, what);
export const count = (value: number, env: string, what: string) =>
  setting(z.coerce.number().int().min(1).default(value), env, what);
export const flag = (value: boolean, env: string, what: string) =>
  setting(z.union([z.boolean(), z.stringbool()]).default(value), env, what);
export const items = (item: z.ZodType<string, string>) =>
  z
    .union([z.string().transform((line) => line.split(",").map((each) => each.trim())), z.array(z.string())])
    .pipe(z.array(item));
export const list = (item: z.ZodType<string, string>, env: string, what: string) =>
  setting(items(item).optional(), env, what);
export const hostAndPort = z.string().regex(/^(\[[^\]@\s]+\]|[^:@/\s]+):\d+$/, "must be host:port");
export const hostAndMaybePort = z.string().regex(/^(\[[^\]@\s]+\]|[^:@/\s]+)(:\d+)?$/, "must be host or host:port");
export const hostNames = (env: string, what: string) =>
  setting(
    items(
      z
        .string()
        .toLowerCase()
        .regex(/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/, "must be names or addresses without a port"),
    ).default([]),
    env,
    what,
  );
export const webUrl = z.url({ protocol: /^https?$/, error: "must be an http or https URL" });
export const address = (env: string, what: string, example?: string) =>
  setting(webUrl.optional(), env, what, { ...(example && { example }) });
/** The name of a file; in the configuration file relative to its folder, in a variable to the working folder. */
export const file = (env: string, what: string, name = `${env.replace(/_FILE$/, "").replaceAll("_", "-")}.pem`) =>
  setting(z.string().min(1).optional(), env, what, {
    isFile: true,
    example: `/etc/user-automation/${name.toLowerCase()}`,
  });
/** A password, which its protocol carries as it is: never logged, and without a default. */
export const password = (env: string, what: string) =>
  setting(z.string().min(1).optional(), env, what, { secret: true });
/** A token or key: never logged, without a default, and sent in a header. */
export const secret = (env: string, what: string, minLength = 1) =>
  setting(
    z
      .string()
      .min(minLength)
      .regex(/^[!-~]*$/, "must be printable ASCII without spaces, since a header has to carry it")
      .optional(),
    env,
    what,
    { secret: true },
  );

/** One setting: its place in config.yaml, its schema, and what is known of it. */
export interface SettingInfo extends About {
  path: string[];
  schema: z.ZodType;
  default: unknown;
}

/** All settings of a schema in its order. The README's table is generated from it. */
export function listSettings(schema: z.ZodType, path: string[] = []): SettingInfo[] {
  const about = schema.meta() as About | undefined;
  if (about?.env) return [{ ...about, path, schema, default: schema.safeParse(undefined).data }];
  const object = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  if (!(object instanceof z.ZodObject)) return [];
  return Object.entries(object.shape).flatMap(([key, child]) => listSettings(child as z.ZodType, [...path, key]));
}
