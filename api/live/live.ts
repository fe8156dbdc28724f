import type { App } from "../route.ts";
import css from "./page.css" with { type: "text" };
import html from "./page.html" with { type: "text" };
import js from "./page.js" with { type: "text" };

/** The page at `/`, which shows the users as they arrive and loads nothing from elsewhere. */
export function registerLivePage(app: App) {
  const serve = (path: string, text: string, type: string) =>
    app.get(path, (c) =>
      c.body(text, 200, {
        "Content-Type": `${type}; charset=utf-8`,
        "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
      }),
    );
  serve("/", String(html), "text/html");
  serve("/live/page.js", js, "text/javascript");
  serve("/live/page.css", css, "text/css");
}
