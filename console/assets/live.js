// Keeps the fragments of a page up to date, and writes numbers and times for the reader's locale and time zone.
import { Idiomorph } from "./idiomorph.js";

/** The reader's languages. A browser may name one that is none, such as en-US@posix. */
export const locale = navigator.languages.filter((tag) => {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
});
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const units = Object.fromEntries(
  ["second", "minute", "hour"].map((unit) => [
    unit,
    new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow", maximumFractionDigits: 1 }),
  ]),
);
const times = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium" });
const preciseTimes = new Intl.DateTimeFormat(locale, {
  ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  fractionalSecondDigits: 3,
});
const clocks = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const wholeTimes = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });
const spans = new Intl.RelativeTimeFormat(locale, { style: "short" });

/** The time since then, in the largest unit that fits. */
function since(time) {
  const seconds = Math.round((time - Date.now()) / 1_000);
  for (const [unit, size] of [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ])
    if (-seconds >= size) return spans.format(Math.ceil(seconds / size), unit);
  return spans.format(Math.min(seconds, 0), "second");
}

const timesOfDay = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const dayMs = 86_400_000;

/** How long something has lasted, in its largest unit. */
function lasting(time, unitDisplay) {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1_000));
  const [unit, size] =
    seconds < 60
      ? ["second", 1]
      : seconds < 3_600
        ? ["minute", 60]
        : seconds < 86_400
          ? ["hour", 3_600]
          : ["day", 86_400];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay }).format(Math.floor(seconds / size));
}

/** A time of day; of an earlier day with its date. */
const clock = (time) => (Date.now() - time < dayMs ? timesOfDay : times).format(time);

/** A picture has little room. */
const isBrief = (element) => element.namespaceURI.endsWith("/svg");

const moments = { ago: since, for: lasting, clock };

function writeMoments(root) {
  for (const element of root.querySelectorAll("[data-at]"))
    element.textContent = moments[element.dataset.show](
      new Date(Number(element.dataset.at)),
      isBrief(element) ? "narrow" : "short",
    );
}

const timeFormatOf = ({ dataset }) => ("clock" in dataset ? clocks : "precise" in dataset ? preciseTimes : times);
const countOf = ({ count, unit }) =>
  units[unit]?.format(Number(count)) ?? [numbers.format(Number(count)), unit].join(" ").trim();

function localise(root) {
  writeMoments(root);
  for (const element of root.querySelectorAll("[data-count]")) element.textContent = countOf(element.dataset);
  for (const element of root.querySelectorAll("time[datetime]")) {
    const time = new Date(element.dateTime);
    element.textContent = "ago" in element.dataset ? since(time) : timeFormatOf(element).format(time);
    element.title = wholeTimes.format(time);
  }
}

/** Replaces what has changed in a fragment; what has the focus, is open or was typed in stays. */
export function update(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  localise(template.content);
  Idiomorph.morph(element, template.content.childNodes, {
    morphStyle: "innerHTML",
    ignoreActiveValue: true,
    callbacks: { beforeAttributeUpdated: (name, { localName }) => name !== "open" || localName !== "details" },
  });
}

const connection = document.getElementById("connection");
let events;

/** Follows the fragments of the page, while it can be seen. */
function follow() {
  events?.close();
  events = undefined;
  const keys = [...document.querySelectorAll("[data-live]")].map(({ dataset }) => dataset.live);
  if (keys.length === 0 || document.hidden) return;
  events = new EventSource(`/events?${new URLSearchParams(keys.map((key) => ["show", key]))}`);
  events.addEventListener("open", () => {
    connection.textContent = "";
  });
  events.addEventListener("error", () => {
    connection.textContent ||= `No connection to the console since ${times.format(new Date())}`;
    // The browser connects again by itself, unless the console answered with an error.
    if (events?.readyState === EventSource.CLOSED) setTimeout(follow, 3_000);
  });
  events.addEventListener("fragment", ({ data }) => {
    const { key, html } = JSON.parse(data);
    // A script of the page may hold it back.
    for (const element of document.querySelectorAll("[data-live]"))
      if (
        element.dataset.live === key &&
        element.dispatchEvent(new CustomEvent("fragment", { detail: html, cancelable: true }))
      )
        update(element, html);
  });
}

localise(document);
setInterval(() => {
  for (const element of document.querySelectorAll("time[data-ago]"))
    element.textContent = since(new Date(element.dateTime));
  writeMoments(document);
}, 1_000);
document.addEventListener("visibilitychange", follow);
follow();
