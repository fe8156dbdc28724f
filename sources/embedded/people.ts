import { createHash } from "node:crypto";
import { faker as common } from "@faker-js/faker/locale/en";
import { type Nationality, nationalities } from "./nationalities.ts";

/** Determines the people: equal requests give equal people, and fewer `results` give a prefix of the same list. */
export interface PeopleRequest {
  results: number;
  seed: string;
  page: number;
  /** Codes in upper case; empty for all. */
  nat: readonly string[];
  gender: "female" | "male" | null;
}

/** A person in the format of randomuser v1.4. Everything is generated, including passwords and national ids. */
export type Person = ReturnType<typeof person>;

/** The latest possible registration, fixed so that a seed gives the same dates in any year. */
const latest = Date.UTC(2022, 4, 23);
const yearMs = 365.25 * 86_400_000;

const titles = ["Miss", "Mrs", "Ms"];
const timezones = [
  { offset: "-8:00", description: "Pacific Time (US & Canada)" },
  { offset: "-5:00", description: "Eastern Time (US & Canada), Bogota, Lima" },
  { offset: "0:00", description: "Western Europe Time, London, Lisbon, Casablanca" },
  { offset: "+1:00", description: "Brussels, Copenhagen, Madrid, Paris" },
  { offset: "+3:30", description: "Tehran" },
  { offset: "+5:30", description: "Bombay, Calcutta, Madras, New Delhi" },
  { offset: "+9:30", description: "Adelaide, Darwin" },
];

/** The people of a request, always in the same order. */
export function people({ results, seed, page, nat, gender }: PeopleRequest, now: Date): Person[] {
  const chosen = nat.length > 0 ? nationalities.filter(({ code }) => nat.includes(code)) : nationalities;
  // The page is part of the seed, as at randomuser.
  const number = createHash("md5")
    .update(JSON.stringify([seed, page, chosen.map(({ code }) => code), gender]))
    .digest()
    .readUInt32BE();
  // Ids come from one generator, so that people of different nationalities never share one.
  common.seed(number);
  chosen.forEach(({ faker }, index) => void faker.seed([number, index]));
  return Array.from({ length: results }, () => person(common.helpers.arrayElement(chosen), gender, now));
}

function person({ code, country, faker, nationalId, states }: Nationality, wanted: PeopleRequest["gender"], now: Date) {
  const gender = wanted ?? (common.datatype.boolean() ? "male" : "female");
  const first = faker.person.firstName(gender);
  const last = faker.person.lastName(gender);
  const dob = new Date(common.number.int({ min: latest - 80 * yearMs, max: latest - 21 * yearMs }));
  const registered = new Date(common.number.int({ min: latest - 20 * yearMs, max: latest }));
  const portrait = `${gender === "male" ? "men" : "women"}/${common.number.int(gender === "male" ? 99 : 96)}.jpg`;
  const pictures = "https://randomuser.me/api/portraits";
  return {
    gender,
    name: { title: gender === "male" ? "Mr" : common.helpers.arrayElement(titles), first, last },
    location: {
      street: { number: common.number.int({ min: 1, max: 9_999 }), name: faker.location.street() },
      city: faker.location.city(),
      state: states ? common.helpers.arrayElement(states) : faker.location.state(),
      country,
      postcode: postcode(faker.location.zipCode()),
      coordinates: {
        latitude: common.location.latitude().toFixed(4),
        longitude: common.location.longitude().toFixed(4),
      },
      timezone: common.helpers.arrayElement(timezones),
    },
    email: faker.internet.email({ firstName: first, lastName: last, provider: "example.com" }).toLowerCase(),
    login: login(),
    dob: { date: dob.toISOString(), age: yearsBetween(dob, now) },
    registered: { date: registered.toISOString(), age: yearsBetween(registered, now) },
    phone: faker.phone.number(),
    cell: faker.phone.number(),
    id: nationalId
      ? { name: nationalId.name, value: common.helpers.replaceSymbols(nationalId.pattern) }
      : { name: "", value: null },
    picture: {
      large: `${pictures}/${portrait}`,
      medium: `${pictures}/med/${portrait}`,
      thumbnail: `${pictures}/thumb/${portrait}`,
    },
    nat: code,
  };
}

function login() {
  const word = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  // No other field contains "!", so a search for a password matches only passwords.
  const password = `${word(common.animal.type())}!${common.number.int({ min: 1_000, max: 9_999 })}`;
  const salt = common.string.alphanumeric(8);
  const salted = password + salt;
  return {
    uuid: common.string.uuid(),
    username: `${word(common.color.human())}${word(common.animal.type())}${common.number.int({ min: 100, max: 999 })}`,
    password,
    salt,
    md5: Bun.MD5.hash(salted, "hex"),
    sha1: Bun.SHA1.hash(salted, "hex"),
    sha256: Bun.SHA256.hash(salted, "hex"),
  };
}

/** A number if that is lossless, as at randomuser; a string for "W4L 1ST" and "04260". */
const postcode = (text: string) => (/^[1-9]\d*$/.test(text) ? Number(text) : text);

function yearsBetween(from: Date, to: Date) {
  return Math.floor((to.getTime() - from.getTime()) / yearMs);
}
