// Has the form of a dead letter checked by the console while it is typed in, and shows what is said against each field.
const pauseMs = 250;

for (const form of document.querySelectorAll("form[data-check]")) {
  const verdict = form.querySelector("[data-verdict]");
  let timer;
  let asked = 0;

  const say = (element, kind, text) => {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = text;
    element.replaceChildren(...(text ? [span] : []));
  };

  async function check() {
    const question = ++asked;
    try {
      const response = await fetch(form.dataset.check, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "application/json" },
      });
      if (question !== asked) return; // more was typed meanwhile
      if (!response.ok) throw new Error(response.status === 401 ? "sign in first" : await response.text());
      show(await response.json());
    } catch (error) {
      if (question === asked) say(verdict, "warn", `This cannot be checked now: ${error.message}`);
    }
  }

  function show({ faults, isStored, text }) {
    for (const element of form.querySelectorAll("[data-fault]")) {
      const fault = faults[element.dataset.fault];
      if (element.textContent !== (fault ?? "")) say(element, "bad", fault);
      const input = form.elements[`set.${element.dataset.fault}`];
      if (fault) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    if (verdict.textContent !== text) say(verdict, isStored ? "good" : "bad", text);
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, pauseMs);
  });
}
