import type { Hono } from "hono";
import type { Clients } from "./clients.ts";
import type { Live } from "./live.ts";
import type { Watch } from "./overview/watch.ts";
import type { ShowPage } from "./page.tsx";

/** Where something is in the navigation. */
export interface NavEntry {
  path: string;
  title: string;
  /** The path of another page of this part. */
  also?: string;
}

/** What every part has at hand. */
export interface Context {
  app: Hono;
  clients: Clients;
  live: Live;
  watch: Watch;
  page: ShowPage;
}

/** A part of the console: its pages, its fragments that follow the pipeline, and what can be done there. */
export interface Part {
  /** Left out if nothing leads there from every page. */
  nav?: NavEntry;
  register: (context: Context) => void;
}
