import { nationalities } from "./nationalities.ts";
import { type PeopleRequest, type Person, people } from "./people.ts";

/** The response to a request, with the body as JSON text. */
export interface Answer {
  status: number;
  body: string;
}

const maxResults = 5_000;
const maxPage = 10_000;
const codes: readonly string[] = nationalities.map(({ code }) => code);

/** randomuser's response body when it fails. */
export const failure = JSON.stringify({
  error: "Uh oh, something has gone wrong. Please tweet us @randomapi about the issue. Thank you.",
});

/**
 * Answers a query as randomuser v1.4 does, including its quirks: an invalid count becomes 1, an unknown nationality
 * makes it ignore all of them, `gender` is ignored with a seed, and the last two characters of an 18-character seed are a
 * nationality. Source: github.com/RandomAPI/Randomuser.me-Node, api/1.4/api.js.
 */
export function answer(query: URLSearchParams, now: Date): Answer {
  const seed = query.get("seed") ?? "";
  const page = numberIn(query.get("page"), maxPage);
  const results = numberIn(query.get("results"), maxResults);
  let nat = listIn(query.get("nat") ?? query.get("nationality")).map((code) => code.toUpperCase());
  if (!nat.every((code) => codes.includes(code))) nat = [];
  if (seed.length === 18) {
    const code = codes[Number.parseInt(seed.slice(-2), 16)];
    if (code === undefined) return { status: 500, body: failure };
    nat = [code];
  }
  const request: PeopleRequest = {
    results,
    page,
    nat,
    gender: seed === "" ? genderIn(query.get("gender")) : null,
    seed: seed || newSeed(),
  };

  const pick = pickerOf(listIn(query.get("inc")), listIn(query.get("exc")));
  const info = { seed: request.seed, results, page, version: "1.4" };
  const body = { results: people(request, now).map(pick), ...(!query.has("noinfo") && { info }) };
  return { status: 200, body: JSON.stringify(body) };
}

function numberIn(text: string | null, max: number) {
  const number = Number(text);
  return Number.isInteger(number) && number >= 1 && number <= max ? number : 1;
}

const listIn = (text: string | null) => (text ?? "").split(",").flatMap((item) => item.trim() || []);

const genderIn = (text: string | null) => (text === "male" || text === "female" ? text : null);

const newSeed = () => crypto.randomUUID().replaceAll("-", "").slice(0, 16);

/** Selects top-level fields by `inc` and `exc`. */
function pickerOf(inc: string[], exc: string[]) {
  if (inc.length === 0 && exc.length === 0) return (person: Person) => person;
  return (person: Person) =>
    Object.fromEntries(
      Object.entries(person).filter(([key]) => (inc.length === 0 || inc.includes(key)) && !exc.includes(key)),
    );
}
