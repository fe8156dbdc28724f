import { v5 as uuidv5 } from "uuid";
import { z } from "zod";
import { setting, webUrl } from "../runtime/setting.ts";
import { defineSource } from "./source.ts";

/** The UUIDv5 namespace of ids derived from a source's own key. Changing it changes the ids of all such users. */
const namespace = "12cfc789-ca68-41d1-93b7-3113b6c94177";

/** dummyjson.com (https://dummyjson.com/docs/users): 208 fixed, numbered users without a registration date. */
export const dummyjson = defineSource({
  name: "dummyjson",
  description: "dummyjson.com: 208 fixed users",
  settings: z.strictObject({
    url: setting(webUrl.default("https://dummyjson.com/users"), "DUMMYJSON_URL", "URL of dummyjson's users endpoint."),
  }),
  version: null,
  maxUsers: 5_000,
  nationalities: null,

  request({ users, page }, { url }) {
    const address = new URL(url);
    address.searchParams.set("limit", String(users));
    address.searchParams.set("skip", String((page - 1) * users));
    return new Request(address.href);
  },

  response: z.object({ users: z.array(z.unknown()) }).transform(({ users }) => users),
  recordsAt: "users",

  record: z.object({
    id: z.int(),
    firstName: z.string(),
    lastName: z.string(),
    gender: z.string(),
    email: z.string(),
    phone: z.string(),
    username: z.string(),
    birthDate: z.string().refine((date) => midnightOf(date) !== null, "must be a date, year-month-day"),
    image: z.string(),
    address: z.object({
      address: z.string(),
      city: z.string(),
      state: z.string(),
      postalCode: z.string(),
      country: z.string(),
    }),
  }),

  toUser: ({ id, firstName, lastName, gender, email, phone, username, birthDate, image, address }) => ({
    id: uuidv5(`dummyjson:${id}`, namespace),
    first_name: firstName,
    last_name: lastName,
    gender,
    email,
    username,
    phone,
    address: `${address.address}, ${address.city}, ${address.state}, ${address.country}`,
    post_code: address.postalCode,
    dob: midnightOf(birthDate),
    picture: image,
  }),
});

/** 1996-5-30 -> 1996-05-30T00:00:00.000Z; null if the date does not exist. */
function midnightOf(date: string): string | null {
  const [, year, month, day] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(date) ?? [];
  if (!year || !month || !day) return null;
  const iso = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}T00:00:00.000Z`;
  const time = new Date(iso);
  // Date would turn February 31st into a day in March.
  return !Number.isNaN(time.getTime()) && time.toISOString() === iso ? iso : null;
}
