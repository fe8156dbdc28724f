import type { Child } from "hono/jsx";
import { Time } from "./values.tsx";

/** A fragment in a page, rendered with it; the browser then follows it. Its name and what it is about make its key. */
export const LiveFragment = ({ name, about, children }: { name: string; about?: string; children?: Child }) => (
  <div data-live={about === undefined ? name : `${name}:${about}`}>{children}</div>
);

/** Why a fragment cannot be rendered; what it showed last, if anything, follows. */
export const NotShown = ({ why, lastMs }: { why: string; lastMs: number | undefined }) => (
  <p class="bad">
    This part cannot be shown: {why.split("\n", 1)[0]}
    {lastMs !== undefined && (
      <>
        ; as of <Time at={lastMs} ago />:
      </>
    )}
  </p>
);
