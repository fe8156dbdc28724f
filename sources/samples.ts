import { readFileSync } from "node:fs";
import { join } from "node:path";

const samples = join(import.meta.dir, "samples");

/** A response of randomuser.me v1.4 with 500 users, including their secrets. For tests. */
export const randomuserText = readFileSync(join(samples, "randomuser-1.4.json"), "utf8");

/** A response of dummyjson.com with 30 users, including their secrets. For tests. */
export const dummyjsonText = readFileSync(join(samples, "dummyjson-users.json"), "utf8");

export interface RandomuserPerson {
  name: { first: string; last: string };
  location: { street: { number: number; name: string }; postcode: number | string };
  email: string;
  login: Record<"uuid" | "username" | "password" | "salt" | "md5" | "sha1" | "sha256", string>;
  id: { name: string; value: string | null };
  nat: string;
}

export const randomuserPeople = (JSON.parse(randomuserText) as { results: RandomuserPerson[] }).results;

interface DummyjsonPerson {
  password: string;
  ssn: string;
  ein: string;
  macAddress: string;
  ip: string;
  bank: { cardNumber: string; iban: string; cardExpire: string };
  crypto: { wallet: string };
}

const dummyjsonPeople = (JSON.parse(dummyjsonText) as { users: DummyjsonPerson[] }).users;

/** The secrets in the samples, which must not appear in any file, table, topic or log. */
export const randomuserSecrets = randomuserPeople.flatMap(({ login, id }) => [
  login.salt,
  login.md5,
  login.sha1,
  login.sha256,
  ...(id.value === null ? [] : [id.value]),
]);
export const dummyjsonSecrets = dummyjsonPeople.flatMap(({ password, ssn, ein, macAddress, ip, bank, crypto }) => [
  password,
  ssn,
  ein,
  macAddress,
  ip,
  bank.cardNumber,
  bank.iban,
  crypto.wallet,
]);
