import type { Child } from "hono/jsx";
import { idField, plural, searchFields, singular, table, timeField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import { countUsers } from "../../operations/users/count.ts";
import { BadCursor } from "../../operations/users/cursor.ts";
import { openUserPages, type Page, type Wanted as WantedTexts } from "../../operations/users/pages.ts";
import type { Query } from "../../operations/users/query.ts";
import { openSight } from "../away.tsx";
import type { Part } from "../part.ts";
import { Count, Time } from "../values.tsx";
import { shownFields, textOf, titleOf, whereHref } from "./shown.tsx";

const perPage = 50;
const maxTextLength = 200;

const title = titleOf(plural);
const path = `/${plural}`;

/** The users in Cassandra: how many, and page by page. */
export const users: Part = {
  nav: { path, title },
  register({ app, live, page, clients }) {
    const { keyspace } = clients.config.cassandra;
    const query: Query = (cql, parameters, options) => clients.cassandra.execute(cql, parameters, options);
    const pages = openUserPages(query, keyspace);
    const ask = openSight("Cassandra");
    const count = openCounter(() => countUsers(query, keyspace));

    live.add("users-count", {
      everyMs: 1_000,
      async render() {
        const sight = await ask(count);
        return "away" in sight ? sight.away : <Total of={sight.value} keyspace={keyspace} />;
      },
    });

    live.add("users", {
      everyMs: 5_000,
      async render(about) {
        const wanted = wantedIn(about);
        const { texts, cursor } = wanted;
        const found = () => (isEmpty(texts) ? pages.list(perPage, cursor) : pages.search(texts, perPage, cursor));
        const sight = await ask(() => found().catch(refused));
        return "away" in sight ? sight.away : <List {...wanted} found={sight.value} />;
      },
    });

    app.get(path, async (c) => {
      const texts = textsIn(c.req.query());
      const about = JSON.stringify([texts, c.req.query("cursor") ?? ""]);
      const [total, list] = await Promise.all([
        live.show("users-count", undefined, <p class="faint">Counting …</p>),
        live.show("users", about, <p class="faint">Reading …</p>),
      ]);
      return page(c, { title, body: <Body texts={texts} total={total} list={list} /> });
    });
  },
};

const refused = (error: unknown): "refused" => {
  if (error instanceof BadCursor) return "refused";
  throw error;
};

/** A count reads the whole table, so the pause until the next grows with the time that the last one took. */
function openCounter(work: () => Promise<number>): () => Promise<number> {
  let last: { count: number; untilMs: number } | undefined;
  return async () => {
    const startedMs = performance.now();
    if (last && startedMs < last.untilMs) return last.count;
    const count = await work();
    const endedMs = performance.now();
    last = { count, untilMs: endedMs + Math.max(2_000, 20 * (endedMs - startedMs)) };
    return count;
  };
}

interface Wanted {
  /** None for all rows. */
  texts: WantedTexts;
  cursor?: string;
}

const isEmpty = (texts: WantedTexts) => Object.keys(texts).length === 0;

/** The texts to search for, of the parameters of a request or whatever else. */
const textsIn = (given: Record<string, unknown>): WantedTexts =>
  Object.fromEntries(
    searchFields
      .map((name) => [
        name,
        String(given[name] ?? "")
          .trim()
          .slice(0, maxTextLength),
      ])
      .filter(([, text]) => text !== ""),
  );

/** What a fragment's key asks for; anything may be in it. */
function wantedIn(about: string): Wanted {
  try {
    const [texts, cursor] = JSON.parse(about) as unknown[];
    return { texts: textsIn(Object(texts)), ...(cursor ? { cursor: String(cursor) } : {}) };
  } catch {
    return { texts: {} };
  }
}

const Total = ({ of, keyspace }: { of: number; keyspace: string }) => (
  <p>
    <strong>
      <Count of={of} />
    </strong>{" "}
    {of === 1 ? singular : plural} in Cassandra{" "}
    <span class="faint">
      {keyspace}.{table}
    </span>
  </p>
);

const Body = ({ texts, total, list }: { texts: WantedTexts; total: Child; list: Child }) => (
  <>
    {total}
    <search>
      <form class="inline" method="get" action={path}>
        {searchFields.map((name) => (
          <label>
            {titleOf(name)}
            <input
              type="search"
              name={name}
              value={texts[name] ?? ""}
              maxlength={maxTextLength}
              autocomplete="off"
              dir="auto"
            />
          </label>
        ))}
        <button type="submit">Search</button>
      </form>
    </search>
    {list}
  </>
);

function List({ texts, cursor, found }: Wanted & { found: Page | "refused" }) {
  const first = hrefOf(texts);
  if (found === "refused")
    return (
      <p role="alert">
        This page is not there any more: its address is from another list. <a href={first}>Start at the first page</a>
      </p>
    );
  if (found.users.length === 0 && !cursor && !found.cursor)
    return isEmpty(texts) ? (
      <p>
        There are no {plural} yet. A <a href="/runs">run</a> brings some.
      </p>
    ) : (
      <p>
        No {singular} has{" "}
        {Object.entries(texts).map(([name, text], index) => (
          <>
            {index > 0 && " and "}“<bdi>{text}</bdi>” as its {titleOf(name).toLowerCase()}
          </>
        ))}
        . Case does not matter, but it has to be the whole text. <a href={path}>Show all</a>
      </p>
    );
  return (
    <>
      <div class="wide">
        <table class="lines">
          <thead>
            <tr>
              {shownFields.map(({ name }) => (
                <th scope="col">{titleOf(name)}</th>
              ))}
              <th scope="col">Written</th>
            </tr>
          </thead>
          <tbody>
            {found.users.map((user) => (
              <Row user={user} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="pager">
        {cursor && <a href={first}>First page</a>}
        {found.cursor && <a href={hrefOf(texts, found.cursor)}>Next page</a>}
      </p>
    </>
  );
}

const Row = ({ user }: { user: User }) => (
  <tr>
    {shownFields.map(({ name }, index) => {
      const value = textOf(user, name);
      const text = <bdi>{value}</bdi>;
      return <td title={value}>{index === 0 ? <a href={whereHref(user[idField])}>{text}</a> : text}</td>;
    })}
    <td>
      <Time at={user[timeField]} />
    </td>
  </tr>
);

const hrefOf = (texts: WantedTexts, cursor?: string) => {
  const search = new URLSearchParams({ ...texts, ...(cursor && { cursor }) });
  return search.size === 0 ? path : `${path}?${search}`;
};
