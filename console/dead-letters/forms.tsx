import type { Child } from "hono/jsx";

/** A text of a form. */
export const textIn = (given: unknown, maxLength = 500) => (typeof given === "string" ? given.slice(0, maxLength) : "");

export const DismissForm = ({ action, children }: { action: string; children?: Child }) => (
  <form method="post" action={action} class="inline">
    {children}
    <label>
      Because
      <input type="text" name="because" required maxlength={500} size={40} autocomplete="off" />
    </label>
    <button type="submit">Dismiss</button>
  </form>
);

export const WhyFirst = () => <p role="alert">Say why nobody needs these records. Go back, and fill in “Because”.</p>;
