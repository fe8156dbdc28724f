import { z } from "zod";
import { address } from "../runtime/setting.ts";
import { defineSource } from "./source.ts";

const version = "1.4";

/** The codes v1.4 supports. If a request has an unknown code, it ignores all of the request's codes. */
export const nationalities = [
  ...(["AU", "BR", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IN", "IR", "MX", "NL"] as const),
  ...(["NO", "NZ", "RS", "TR", "UA", "US"] as const),
];

/** randomuser.me (https://randomuser.me/documentation) and the embedded source, which has the same API. */
export const randomuser = defineSource({
  name: "randomuser",
  description: "randomuser.me, or the embedded source, which generates users offline",
  settings: z.strictObject({
    url: address(
      "RANDOMUSER_URL",
      "URL of the randomuser API; if not set, the embedded source. Live: https://randomuser.me/api/1.4/",
      "https://randomuser.me/api/1.4/",
    ),
    embeddedUrl: address(
      "EMBEDDED_SOURCE_URL",
      "URL of the embedded source, used if randomuser.url is not set.",
      "http://127.0.0.1:3001/api/1.4/",
    ),
  }),
  version,
  maxUsers: 5_000,
  nationalities: {
    codes: nationalities.map((code) => code.toLowerCase()),
    of: (record) => (record as { nat?: unknown } | null)?.nat,
  },

  request({ users, page, seed, nationalities }, { url, embeddedUrl }, ports) {
    const address = new URL(url ?? embeddedUrl ?? `http://127.0.0.1:${ports.source}/api/1.4/`);
    address.searchParams.set("results", String(users));
    // randomuser reads a nationality from the last two characters of an 18-character seed, and fails if there is none.
    address.searchParams.set("seed", seed.length === 18 ? `${seed}-` : seed);
    if (page > 1) address.searchParams.set("page", String(page));
    if (nationalities.length > 0) address.searchParams.set("nat", nationalities.join(","));
    return new Request(address.href);
  },

  response: z
    .object({ results: z.array(z.unknown()), info: z.object({ version: z.literal(version) }) })
    .transform(({ results }) => results),
  recordsAt: "results",

  record: z.object({
    gender: z.string(),
    name: z.object({ first: z.string(), last: z.string() }),
    location: z.object({
      street: z.object({ number: z.number(), name: z.string() }),
      city: z.string(),
      state: z.string(),
      country: z.string(),
      postcode: z.union([z.number(), z.string()]),
    }),
    email: z.string(),
    login: z.object({ uuid: z.uuid(), username: z.string() }),
    dob: z.object({ date: z.iso.datetime() }),
    registered: z.object({ date: z.iso.datetime() }),
    phone: z.string(),
    picture: z.object({ medium: z.string() }),
  }),

  toUser: ({ gender, name, location, email, login, dob, registered, phone, picture }) => ({
    id: login.uuid,
    first_name: name.first,
    last_name: name.last,
    gender,
    email,
    username: login.username,
    phone,
    address: `${location.street.number} ${location.street.name}, ${location.city}, ${location.state}, ${location.country}`,
    post_code: String(location.postcode),
    dob: dob.date,
    registered_date: registered.date,
    picture: picture.medium,
  }),
});
