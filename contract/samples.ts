import { fields, type User } from "./user.ts";

const examples = Object.fromEntries(fields.map(({ name, example }) => [name, example])) as User;

/** A user with the contract's examples in the fields that are not given. */
const sample = (given: Partial<User>): User => ({ ...examples, ...given });

/** Users that must pass through every part unchanged: several scripts, nulls, the longest values, times before 1970. */
export const validUsers: readonly User[] = [
  sample({
    id: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
    first_name: "Rachel",
    last_name: "Kelley",
    gender: "female",
    email: "rachel.kelley@example.com",
    username: "beautifulfish935",
    phone: "021-892-1751",
    address: "857 Alexander Road, Limerick, Kilkenny, Ireland",
    post_code: "11174",
    dob: "1978-04-22T07:00:07.471Z",
    registered_date: "2019-08-19T08:16:27.068Z",
    picture: "https://randomuser.me/api/portraits/med/women/63.jpg",
    timestamp: "2026-01-15T06:00:00.000Z",
  }),
  sample({
    id: "0b6e8b2e-6c1f-4d0a-8f36-1a2b3c4d5e6f",
    first_name: "آدرین",
    last_name: "كامياران",
    gender: "male",
    email: "adryn.kamyaran@example.com",
    username: "silverpanda123",
    phone: "052-74512880",
    address: "7421 میدان ولیعصر (عج), کرمانشاه, خراسان رضوی, Iran",
    post_code: "60417",
    dob: "1955-12-31T23:59:59.999Z",
    registered_date: "2003-02-28T00:00:00.000Z",
    picture: "https://randomuser.me/api/portraits/med/men/7.jpg",
    timestamp: "2026-01-15T06:00:00.001Z",
  }),
  sample({
    id: "9f1d7c3a-52e8-4b7c-a1d0-6e5f4c3b2a19",
    first_name: "Зорян",
    last_name: "O'Brien-Müller 🦉",
    gender: null,
    email: "z@example.com",
    username: "z",
    phone: null,
    address: null,
    post_code: null,
    dob: null,
    registered_date: null,
    picture: null,
    timestamp: "2026-01-15T06:00:00.002Z",
  }),
  sample({
    id: "5a0e2f64-1c3b-5d7e-9f80-a1b2c3d4e5f6",
    first_name: "N".repeat(200),
    last_name: "L",
    gender: "",
    email: `${"e".repeat(64)}@${"d".repeat(255)}`,
    username: 'a user, with "quotes", a comma\tand\nnew lines',
    phone: "0".repeat(50),
    address: "a".repeat(1_000),
    post_code: "KA1 2BC",
    dob: "0001-01-01T00:00:00.000Z",
    registered_date: "9999-12-31T23:59:59.999Z",
    picture: `https://example.com/${"p".repeat(1_980)}`,
    timestamp: "1969-12-31T23:59:59.999Z",
  }),
];

/** What tests change in a user: a text that must be given, texts that may be null, and a time that may be null. */
export const changeable = { text: "last_name", optional: "phone", long: "picture", time: "dob" } as const;

const [rachel] = validUsers as [User, ...User[]];

/** Invalid users, each with the field at fault. */
export const invalidUsers: readonly { field: string; value: unknown }[] = [
  { field: "id", value: { ...rachel, id: "42" } },
  { field: "id", value: { ...rachel, id: "00000000-0000-0000-0000-000000000000" } },
  { field: "id", value: { ...rachel, id: "ffffffff-ffff-ffff-ffff-ffffffffffff" } },
  { field: "first_name", value: { ...rachel, first_name: "" } },
  { field: "first_name", value: { ...rachel, first_name: " \t\n" } },
  { field: "username", value: { ...rachel, username: "\u3000\u00a0\ufeff" } },
  { field: "last_name", value: { ...rachel, last_name: "Kel\u0000ley" } },
  { field: "last_name", value: { ...rachel, last_name: "half a \ud83e owl" } },
  { field: "last_name", value: { ...rachel, last_name: "x".repeat(201) } },
  { field: "email", value: { ...rachel, email: "rachel.kelley" } },
  { field: "username", value: { ...rachel, username: null } },
  { field: "phone", value: { ...rachel, phone: "\u0000" } },
  { field: "picture", value: { ...rachel, picture: "javascript:alert(1)" } },
  { field: "picture", value: { ...rachel, picture: "/portraits/63.jpg" } },
  { field: "picture", value: { ...rachel, picture: "https://" } },
  { field: "picture", value: { ...rachel, picture: "https://example.com/a b" } },
  { field: "dob", value: { ...rachel, dob: "1978-04-22" } },
  { field: "timestamp", value: { ...rachel, timestamp: null } },
];
