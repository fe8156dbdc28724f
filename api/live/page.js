// The page at /: the number of users, kept up to date, and the users page by page.
const element = (id) => document.getElementById(id);

async function get(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

/** A count reads the whole table, so the pause grows with the time a count takes. */
async function keepCounting() {
  const startedMs = performance.now();
  try {
    element("count").value = (await get("/count")).count.toLocaleString("en");
    element("state").textContent = "";
  } catch (error) {
    element("state").textContent = error.message;
  }
  setTimeout(keepCounting, Math.max(2_000, 10 * (performance.now() - startedMs)));
}

let next;

async function show(path, cursor) {
  const { users, cursor: following } = await get(cursor ? `${path}&cursor=${cursor}` : path);
  const rows = users.map(({ first_name, last_name, address, timestamp }) => {
    const row = document.createElement("tr");
    for (const text of [first_name, last_name, address ?? "", timestamp.replace("T", " ").slice(0, 19)])
      row.insertCell().textContent = text;
    return row;
  });
  if (cursor) element("users").append(...rows);
  else element("users").replaceChildren(...rows);
  next = () => show(path, following);
  element("more").hidden = following === null;
}

const report = (work) => work.catch((error) => (element("state").textContent = error.message));

element("more").addEventListener("click", () => report(next()));
element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = new FormData(event.target).get("first_name");
  report(show(name ? `/search-user?limit=20&first_name=${encodeURIComponent(name)}` : "/users?limit=20"));
});

report(show("/users?limit=20"));
void keepCounting();
