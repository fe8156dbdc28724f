// The log stays at its newest line, until its reader scrolls up or pauses it.
import { update } from "./live.js";

const log = document.getElementById("log");
const fragment = log.querySelector("[data-live]");
const button = document.getElementById("follow");
const state = document.getElementById("held");
let isFollowing = true;
/** The newest rendering that is not shown yet. */
let held;

const toEnd = () => {
  log.scrollTop = log.scrollHeight;
};
const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 8;

function follow(shouldFollow) {
  isFollowing = shouldFollow;
  button.setAttribute("aria-pressed", String(isFollowing));
  button.textContent = isFollowing ? "Following" : "Follow";
  state.textContent = isFollowing ? "" : "Paused";
  if (!isFollowing) return;
  if (held !== undefined) update(fragment, held);
  held = undefined;
  toEnd();
}

fragment.addEventListener("fragment", (event) => {
  if (isFollowing) return queueMicrotask(toEnd);
  event.preventDefault();
  held = event.detail;
  state.textContent = "Paused; there are newer lines";
});
log.addEventListener("scroll", () => {
  if (isFollowing !== isAtEnd()) follow(isAtEnd());
});
button.addEventListener("click", () => follow(!isFollowing));
button.hidden = false;
toEnd();
