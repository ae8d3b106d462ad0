// Everything works without this: it only starts what the NHS.UK components add to a page
// (the character count, the fields under a choice, the menu that folds away, the focus on errors).
const script = document.querySelector("script[data-nhsuk]");

// ARIA allows no aria-expanded on a radio, which the NHS.UK script sets. app.css shows what stands
// under the chosen radio; nothing is left for a script to do.
for (const radio of document.querySelectorAll("input[type=radio][data-aria-controls]")) {
  radio.removeAttribute("data-aria-controls");
}

const { initAll } = await import(script.dataset.nhsuk);
initAll();
