import { z } from "@hono/zod-openapi";
import { fields, User } from "../../contract/user.ts";

const { id, ...profile } = User.omit({ timestamp: true }).shape;

/** A user as a client adds it. What a source need not know may be left out, and is null then. */
export const NewUser = z
  .strictObject({
    id: id.optional().meta({
      ...id.meta(),
      description: "Left out, a random one is made. Give one, and sending the request again cannot add a second user.",
    }),
    ...profile,
    gender: profile.gender.default(null),
    phone: profile.phone.default(null),
    address: profile.address.default(null),
    post_code: profile.post_code.default(null),
    dob: profile.dob.default(null),
    registered_date: profile.registered_date.default(null),
    picture: profile.picture.default(null),
  })
  .meta({ id: "NewUser", description: "A user to add." });
export type NewUser = z.infer<typeof NewUser>;

/** What may change of a user: one field or more; the others stay as they are. */
export const UserChanges = z
  .strictObject(profile)
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, "At least one field must be given")
  .openapi("UserChanges", { description: "The fields to change, at least one.", minProperties: 1 });
export type UserChanges = z.infer<typeof UserChanges>;

/** Any UUID that Cassandra can hold, so that whatever is listed can be read, changed and deleted. */
const storedId = z.guid("must be a UUID").toLowerCase();

export const UserId = z.object({ id: storedId.meta(id.meta() ?? {}) });

const asStored = Object.fromEntries(
  fields.map(({ name, kind, nullable }) => {
    const value = { uuid: storedId, timestamp: z.iso.datetime(), text: z.string() }[kind];
    return [name, (nullable ? value.nullable() : value).meta(User.shape[name].meta() ?? {})];
  }),
);

/** A user as the table has it. Rows from before a rule of the contract, or written past it, may break that rule. */
export const StoredUser = (z.strictObject(asStored) as unknown as typeof User).meta({
  id: "User",
  description: "A user as it is stored; what is asked of a new one is in NewUser.",
});

export const Count = z.strictObject({ count: z.number().int().min(0) }).meta({ id: "Count" });

export const UserList = z.strictObject({ users: z.array(StoredUser) }).meta({ id: "UserList" });

export const UserPage = z
  .strictObject({
    users: z.array(StoredUser),
    cursor: z.string().nullable().meta({ description: "Where the next page begins; null on the last." }),
  })
  .meta({ id: "UserPage" });

const page = {
  limit: z
    .string()
    .regex(/^\d+$/, "must be a number in decimal digits")
    .transform(Number)
    .pipe(z.number().min(1).max(500))
    .default(50)
    .openapi({ type: "integer", minimum: 1, maximum: 500, default: 50, description: "How many users at most." }),
  cursor: z.string().max(1_000).optional().meta({ description: "`cursor` of the page before." }),
};
export const PageQuery = z.strictObject(page);
export const SearchQuery = z.strictObject({
  first_name: profile.first_name.meta({
    ...profile.first_name.meta(),
    description: "The whole first name, in any case.",
  }),
  ...page,
});

/** The contract's own example, so that what "Try it out" adds is what it then finds. */
const exampleOf = <T extends z.ZodType>(schema: T, from: z.ZodObject) =>
  schema.parse(Object.fromEntries(Object.entries(from.shape).map(([key, field]) => [key, field.meta()?.example])));
export const exampleUser = exampleOf(User, User);
export const exampleNewUser = exampleOf(NewUser, User.omit({ timestamp: true }));
