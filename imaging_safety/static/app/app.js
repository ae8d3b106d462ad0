// Everything works without this. It starts what the NHS.UK components add to a page (the character
// count, the fields under a choice, the menu that folds away, the focus on errors), keeps up to date
// what a page shows of a form that is still being filled in, and says when rows of a list changed.
const script = document.querySelector("script[data-nhsuk]");

// ARIA allows no aria-expanded on a radio, which the NHS.UK script sets. app.css shows what stands
// under the chosen radio; nothing is left for a script to do.
for (const radio of document.querySelectorAll("input[type=radio][data-aria-controls]")) {
  radio.removeAttribute("data-aria-controls");
}

const { initAll } = await import(script.dataset.nhsuk);
initAll();

// A form with data-live is sent as its check button would send it, whenever one of the fields named
// there changes. Of the page that comes back the parts named in data-live-parts are taken; what is
// shown now is said to screen readers once the person pauses, and only if it is something new.
const PAUSE = 400;

function keepLive(form) {
  const fields = form.dataset.live.split(" ");
  const parts = form.dataset.liveParts.split(", ");
  const voice = document.querySelector("[data-live-said]");
  let asked = 0;
  let pause;

  async function look() {
    const turn = ++asked;
    const body = new FormData(form);
    body.set("do", "look");
    const sent = typed(form);
    // Not form.action: a field of that name would be meant.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body }).catch(() => null);
    if (!answer) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn === asked && typed(form) === sent) show(page);
  }

  function typed(of) {
    return new URLSearchParams(fields.map((name) => [name, new FormData(of).get(name) ?? ""])).toString();
  }

  function show(page) {
    const focused = document.activeElement?.id;
    for (const part of parts) {
      const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
      if (old && fresh && old.outerHTML !== fresh.outerHTML) old.replaceWith(fresh);
    }
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
    say();
  }

  function say() {
    clearTimeout(pause);
    pause = setTimeout(() => {
      const shown = [...document.querySelectorAll("[data-said]")].filter((one) => one.checkVisibility());
      const words = shown.length === 1 ? shown[0].dataset.said : "";
      if (voice.textContent !== words) voice.textContent = words;
    }, PAUSE);
  }

  form.addEventListener("change", (event) => (fields.includes(event.target.name) ? look() : say()));
}

for (const form of document.querySelectorAll("form[data-live]")) keepLive(form);

// A list asks each minute, while it is in sight, whether its rows have changed, and says so; nothing
// moves before the person wants it to. Asking keeps nobody signed in.
const ASKED_EVERY = 60_000;

function keepFresh(line) {
  const said = line.querySelector("[data-fresh-said]");
  const again = line.querySelector("[data-fresh-link]");
  const turns = setInterval(ask, ASKED_EVERY);
  document.addEventListener("visibilitychange", ask);

  async function ask() {
    if (document.hidden) return;
    const answer = await fetch(line.dataset.fresh, { redirect: "manual" }).catch(() => null);
    if (answer?.ok) return say((await answer.json()).said, "Show what changed");
    if (answer?.type === "opaqueredirect") clearInterval(turns);
    say("Whether rows have changed since is not known.", "Load again");
  }

  function say(words, press) {
    if (said.textContent === words) return;
    said.textContent = words;
    again.textContent = words ? press : "Load again";
    line.classList.toggle("app-fresh--changed", words !== "");
  }
}

for (const line of document.querySelectorAll("[data-fresh]")) keepFresh(line);
