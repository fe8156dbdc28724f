import type { Context } from "hono";
import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { assetUrl } from "./assets.ts";
import type { NavEntry } from "./part.ts";

interface Shown {
  title: string;
  body: Child;
  status?: ContentfulStatusCode;
}

/** Answers with a whole page. */
export type ShowPage = (c: Context, shown: Shown) => Response | Promise<Response>;

/** Pages with this navigation. */
export const openPage =
  (nav: readonly NavEntry[]): ShowPage =>
  (c, { title, body, status = 200 }) => {
    c.header("Cache-Control", "no-store");
    const document = (
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{title} · user-automation</title>
          <link rel="icon" href={assetUrl("icon.svg")} type="image/svg+xml" />
          <link rel="stylesheet" href={assetUrl("console.css")} />
          <script type="module" src={assetUrl("live.js")} />
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to the content
          </a>
          <header>
            <span class="name">user-automation</span>
            <nav aria-label="Parts">
              {nav.map((entry) => (
                <a href={entry.path} aria-current={isAt(entry, c.req.path) ? "page" : undefined}>
                  {entry.title}
                </a>
              ))}
            </nav>
            <output id="connection" />
          </header>
          <main id="main" tabindex={-1}>
            <h1>{title}</h1>
            {body}
          </main>
        </body>
      </html>
    );
    return c.html(html`<!doctype html>${document}`, status);
  };

const isAt = ({ path, also }: NavEntry, at: string) =>
  at === path || at === also || (path !== "/" && at.startsWith(`${path}/`));
