import { v5 as uuidv5 } from "uuid";
import { z } from "zod";
import { setting, webUrl } from "../runtime/setting.ts";
import { defineSource } from "./source.ts";

/** The UUIDv5 namespace of ids derived from a person. Changing it changes the ids of all such users. */
const namespace = "2220fd5c-6fb5-466b-a44c-027cedde6de5";

/**
 * fakerapi.it (https://fakerapi.it): persons generated from a seed. Three things are missing:
 *
 * - An id. `id` is the position in the response, so everybody's first person is number 1. A user's id is derived from the
 *   e-mail address, name and birthday instead: the same seed gives the same persons and ids, another seed others.
 * - Pages. Each page of a stream has a seed of its own.
 * - Usernames. The e-mail address is the username too.
 */
export const fakerapi = defineSource({
  name: "fakerapi",
  description: "fakerapi.it: persons generated from a seed",
  settings: z.strictObject({
    url: setting(
      webUrl.default("https://fakerapi.it/api/v2/persons"),
      "FAKERAPI_URL",
      "URL of fakerapi's persons endpoint.",
    ),
  }),
  version: null,
  maxUsers: 1_000,
  nationalities: null,

  request({ users, page, seed }, { url }) {
    const address = new URL(url);
    address.searchParams.set("_quantity", String(users));
    // The API takes a number.
    address.searchParams.set("_seed", String(Bun.hash.crc32(page === 1 ? seed : `${seed}, page ${page}`)));
    return new Request(address.href);
  },

  response: z.object({ data: z.array(z.unknown()) }).transform(({ data }) => data),
  recordsAt: "data",

  record: z.object({
    firstname: z.string(),
    lastname: z.string(),
    email: z.string(),
    phone: z.string(),
    birthday: z.iso.date(),
    gender: z.string(),
    address: z.object({ street: z.string(), city: z.string(), zipcode: z.string(), country: z.string() }),
    image: z.string(),
  }),

  toUser: ({ firstname, lastname, email, phone, birthday, gender, address, image }) => ({
    id: uuidv5(JSON.stringify(["fakerapi", email, firstname, lastname, birthday]), namespace),
    first_name: firstname,
    last_name: lastname,
    gender,
    email,
    username: email,
    phone,
    address: `${address.street}, ${address.city}, ${address.country}`,
    post_code: address.zipcode,
    dob: `${birthday}T00:00:00.000Z`,
    picture: image,
  }),
});
