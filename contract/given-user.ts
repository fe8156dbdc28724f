import { quickCheckOf } from "./quick-check.ts";
import { fields, User } from "./user.ts";

type Nullable = { [Name in keyof User]: null extends User[Name] ? Name : never }[keyof User];

/** A user whose nullable fields may be missing. */
export type GivenUser = Omit<User, Nullable> & Partial<Pick<User, Nullable>>;

const nulls = Object.fromEntries(fields.filter(({ nullable }) => nullable).map(({ name }) => [name, null]));

/** Missing nullable fields become null, as a source or an earlier version leaves them out; anything else is unchanged. */
export const withNulls = (given: unknown): unknown =>
  typeof given === "object" && given !== null && !Array.isArray(given) ? { ...nulls, ...given } : given;

const isSurely = quickCheckOf(User);

/** What `User.safeParse` says of a given user, its missing fields being null. */
export const parseGiven = (given: unknown) =>
  isSurely?.(given) ? { success: true as const, data: given as User } : User.safeParse(withNulls(given));
