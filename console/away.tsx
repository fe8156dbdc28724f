import type { Child } from "hono/jsx";
import { messageOf } from "../runtime/lifecycle.ts";
import { Time } from "./values.tsx";

/** What came of asking a service: its answer, or what a page says instead. */
type Sight<T> = { value: T } | { away: Child };

/**
 * Asks a service, and where it does not answer, says so, why, and when it last did. What `isAnswer` is a refusal by the
 * service itself, whose message says all.
 */
export function openSight(service: string, isAnswer: (error: unknown) => boolean = () => false) {
  let lastMs: number | undefined;
  return async <T,>(work: () => Promise<T>): Promise<Sight<T>> => {
    try {
      const value = await work();
      lastMs = Date.now();
      return { value };
    } catch (error) {
      if (isAnswer(error)) return { away: <p class="bad">{messageOf(error)}</p> };
      return { away: <Away service={service} why={messageOf(error)} lastMs={lastMs} /> };
    }
  };
}

/** A service that does not answer. Of the reason, the first line. */
const Away = ({ service, why, lastMs }: { service: string; why: string; lastMs?: number }) => (
  <p class="bad">
    {service} does not answer: {why.split("\n", 1)[0]}
    {lastMs !== undefined && (
      <>
        ; last seen <Time at={lastMs} ago />
      </>
    )}
  </p>
);
