import type { Part } from "../part.ts";
import { Findings } from "./findings.tsx";
import { registerLogs } from "./logs.tsx";
import { openServices } from "./services.tsx";

/** How long "Look now" waits for what is found, in milliseconds; the page shows it later. */
const patienceMs = 700;

/** What doctor finds, and the programs of the stack with their logs. */
export const health: Part = {
  nav: { path: "/health", title: "Health", also: "/logs" },
  register(context) {
    const { app, live, page, clients } = context;
    const { doctor } = clients;
    live.add("findings", { everyMs: 1_000, render: () => <Findings doctor={doctor} /> });
    live.add("services", { everyMs: 5_000, render: openServices(clients) });

    app.get("/health", async (c) => {
      return page(c, {
        title: "Health",
        body: (
          <>
            <h2>What doctor finds</h2>
            {await live.show("findings", undefined, <p class="faint">Looking …</p>)}
            <form method="post" action="/health/look">
              <button type="submit">Look now</button>
            </form>
            <h2>Services</h2>
            {await live.show("services", undefined, <p class="faint">Looking …</p>)}
            <p>
              <a href="/logs">All logs, merged by time</a>
            </p>
          </>
        ),
      });
    });
    app.post("/health/look", async (c) => {
      await Promise.race([doctor.look(), Bun.sleep(patienceMs)]);
      return c.redirect("/health", 303);
    });
    registerLogs(context);
  },
};
