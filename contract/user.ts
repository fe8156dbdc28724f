import { z } from "zod";
import { fieldsOf } from "./fields.ts";
import { anyText, email, name, time, uuid, webAddress } from "./values.ts";

/**
 * One user as it crosses every boundary. `id` is the Kafka key and both tables' primary key; `timestamp` is the write
 * time in both tables. The Avro schema, CQL, SQL and OpenAPI components are all generated from this object, in this
 * order of fields. Lengths are in code points; a count in a pattern is in UTF-16 code units.
 */
export const User = z
  .strictObject({
    id: uuid().meta({
      description: "Stable identity, given by the source, or a UUIDv5 of the source's own key.",
      example: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
    }),
    first_name: name(200).meta({ description: "Given name; personal data.", example: "Rachel" }),
    last_name: name(200).meta({ description: "Family name; personal data.", example: "Kelley" }),
    gender: anyText(50).nullable().meta({ description: "As the source states it.", example: "female" }),
    email: email().meta({ description: "Contact address; personal data.", example: "rachel.kelley@example.com" }),
    username: name(200).meta({ description: "Login name; never the password.", example: "beautifulfish935" }),
    phone: anyText(50)
      .nullable()
      .meta({ description: "Landline number in the country's own notation; personal data.", example: "021-892-1751" }),
    address: anyText(1_000).nullable().meta({
      description: "Postal address, `number street, city, state, country`; personal data.",
      example: "857 Alexander Road, Limerick, Kilkenny, Ireland",
    }),
    post_code: anyText(50)
      .nullable()
      .meta({ description: "Postal code; always text, since some countries use letters.", example: "11174" }),
    dob: time()
      .nullable()
      .meta({ description: "Date of birth, UTC; personal data.", example: "1978-04-22T07:00:07.471Z" }),
    registered_date: time()
      .nullable()
      .meta({ description: "When the user registered at the source, UTC.", example: "2019-08-19T08:16:27.068Z" }),
    picture: webAddress().nullable().meta({
      description: "Address of a portrait on the web.",
      example: "https://randomuser.me/api/portraits/med/women/63.jpg",
    }),
    timestamp: time().meta({
      description: "When the source was read, or the row last written, UTC; the newest write wins.",
      example: "2026-01-15T06:00:00.000Z",
    }),
  })
  .meta({ id: "User", description: "A user profile." });
export type User = z.infer<typeof User>;

/** The contract's fields in order, derived from `User`. */
export const fields = fieldsOf(User.shape);
