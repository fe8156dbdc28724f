import type { Hono } from "hono";
import idiomorph from "idiomorph/dist/idiomorph.esm.js" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import css from "./assets/console.css" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import live from "./assets/live.js" with { type: "text" };
import deadLetters from "./dead-letters/dead-letters.css" with { type: "text" };
import repair from "./dead-letters/repair.js" with { type: "text" };
import follow from "./health/follow.js" with { type: "text" };
import health from "./health/health.css" with { type: "text" };
import charts from "./overview/draw-charts.js" with { type: "text" };
import overview from "./overview/overview.css" with { type: "text" };
import reconcile from "./reconcile/reconcile.css" with { type: "text" };
import runs from "./runs/runs.css" with { type: "text" };
import users from "./users/users.css" with { type: "text" };
import where from "./where/where.css" with { type: "text" };

const styles = [css, uplotCss, overview, runs, users, where, deadLetters, reconcile, health];

const assets: Record<string, { text: string; type: string }> = {
  "console.css": { text: styles.join("\n"), type: "text/css" },
  "icon.svg": { text: icon, type: "image/svg+xml" },
  "repair.js": { text: repair, type: "text/javascript" },
  "charts.js": { text: charts, type: "text/javascript" },
  "uplot.js": { text: `${uplot}\nexport default uPlot;\n`, type: "text/javascript" }, // it declares a variable
  "live.js": { text: live, type: "text/javascript" },
  "follow.js": { text: follow, type: "text/javascript" },
  "idiomorph.js": { text: idiomorph, type: "text/javascript" },
};

const version = new Bun.CryptoHasher("sha256").update(JSON.stringify(assets)).digest("hex").slice(0, 12);

/** The path of a file; another one after any of them has changed, so that browsers can keep it. */
export const assetUrl = (name: string) => `/assets/${version}/${name}`;

export function registerAssets(app: Hono) {
  for (const [name, { text, type }] of Object.entries(assets))
    app.get(`/assets/:version/${name}`, (c) =>
      c.body(text, 200, {
        "Content-Type": `${type}; charset=utf-8`,
        "Cache-Control": "public, max-age=31536000, immutable",
      }),
    );
}
