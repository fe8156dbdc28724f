import type { Child } from "hono/jsx";

/** A fragment in a page, rendered with it; the browser then follows it. Its name and what it is about make its key. */
export const LiveFragment = ({ name, about, children }: { name: string; about?: string; children?: Child }) => (
  <div data-live={about === undefined ? name : `${name}:${about}`}>{children}</div>
);
