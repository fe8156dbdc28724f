import { z } from "@hono/zod-openapi";
import { idField, searchFields, timeField } from "../../contract/entity.ts";
import type { Field, FieldKind } from "../../contract/fields.ts";
import { fields, User } from "../../contract/user.ts";

/** The OpenAPI generator calls an int a number, and leaves out the limits of both. */
const numbers: Partial<Record<FieldKind, { type: string; format: string }>> = {
  int: { type: "integer", format: "int32" },
  long: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
};
const documentationOf = ({ name, kind, nullable, rules }: Field<keyof User>, limits = rules) => {
  const number = numbers[kind];
  const types = number && { ...number, ...(nullable && { type: [number.type, "null"] }), ...limits };
  return { ...User.shape[name].meta(), ...types };
};

const {
  [idField]: id,
  [timeField]: _,
  ...profile
} = Object.fromEntries(
  fields.map((field) => [field.name, User.shape[field.name].meta(documentationOf(field))]),
) as typeof User.shape;

/** Nullable fields may be omitted and are then null. */
type Given<Shape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodNullable ? z.ZodDefault<Shape[Name]> : Shape[Name];
};
const given = Object.fromEntries(
  Object.entries(profile as z.ZodRawShape).map(([name, field]) => [
    name,
    field instanceof z.ZodNullable ? field.default(null).meta({ ...field.meta(), default: null }) : field,
  ]),
) as Given<typeof profile>;

/** A user as a client adds it. */
export const NewUser = z
  .strictObject({
    id: id.optional().meta({
      ...id.meta(),
      description: "Random if omitted. With an id, repeating the request cannot add a second user.",
    }),
    ...given,
  })
  .meta({ id: "NewUser", description: "A user to add." });
export type NewUser = z.infer<typeof NewUser>;

/** The fields of a user to change, at least one; omitted fields keep their values. */
export const UserChanges = z
  .strictObject(profile)
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, "At least one field must be given")
  .openapi("UserChanges", { description: "The fields to change, at least one.", minProperties: 1 });
export type UserChanges = z.infer<typeof UserChanges>;

/** Any UUID that Cassandra can store, so that every listed user can be read, changed and deleted. */
const storedId = z.guid("must be a UUID").toLowerCase();

export const UserId = z.object({ id: storedId.meta(id.meta() ?? {}) });

const stored: Readonly<Record<FieldKind, z.ZodType>> = {
  uuid: storedId,
  text: z.string(),
  int: z.int32(),
  long: z.int(),
  double: z.number(),
  boolean: z.boolean(),
  timestamp: z.iso.datetime(),
  date: z.iso.date(),
  list: z.array(z.string()),
};
const asStored = Object.fromEntries(
  fields.map((field) => {
    const value = stored[field.kind];
    return [field.name, (field.nullable ? value.nullable() : value).meta(documentationOf(field, {}))];
  }),
);

/** A user as stored. A row that predates a rule of the contract, or was written by other means, may break that rule. */
export const StoredUser = (z.strictObject(asStored) as unknown as typeof User).meta({
  id: "User",
  description: "A stored user; the rules for a new one are in NewUser.",
});

export const Count = z.strictObject({ count: z.number().int().min(0) }).meta({ id: "Count" });

export const UserList = z.strictObject({ users: z.array(StoredUser) }).meta({ id: "UserList" });

export const UserPage = z
  .strictObject({
    users: z.array(StoredUser),
    cursor: z.string().nullable().meta({ description: "Start of the next page; null on the last page." }),
  })
  .meta({ id: "UserPage" });

const page = {
  limit: z
    .string()
    .regex(/^\d+$/, "must be a number in decimal digits")
    .transform(Number)
    .pipe(z.number().min(1).max(500))
    .default(50)
    .openapi({ type: "integer", minimum: 1, maximum: 500, default: 50, description: "Maximum number of users." }),
  cursor: z.string().max(1_000).optional().meta({ description: "`cursor` of the previous page." }),
};
export const PageQuery = z.strictObject(page);

type SearchField = (typeof searchFields)[number];
const searched = Object.fromEntries(
  searchFields.map((name) => [
    name,
    profile[name]
      .optional()
      .meta({ ...profile[name].meta(), description: `The full ${name.replaceAll("_", " ")}; case is ignored.` }),
  ]),
) as { [Name in SearchField]: z.ZodOptional<(typeof profile)[Name]> };
export const SearchQuery = z
  .strictObject({ ...searched, ...page })
  .refine((query) => searchFields.some((name) => query[name] !== undefined), {
    error: `give at least one of ${searchFields.join(", ")}`,
  });

/** The contract's own example, so that "Try it out" finds the user it has added. */
const exampleOf = <T extends z.ZodType>(schema: T, shape: z.ZodRawShape) =>
  schema.parse(
    Object.fromEntries(Object.entries(shape).map(([key, field]) => [key, (field as z.ZodType).meta()?.example])),
  );
export const exampleUser = exampleOf(User, User.shape);
export const exampleNewUser = exampleOf(NewUser, { [idField]: id, ...profile });
export const exampleChanges = exampleOf(UserChanges, { [searchFields[0]]: profile[searchFields[0]] });
