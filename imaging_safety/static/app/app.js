// Everything works without this: it only starts what the NHS.UK components add to a page
// (the character count, the fields under a choice, the menu that folds away, the focus on errors).
const script = document.querySelector("script[data-nhsuk]");
const { initAll } = await import(script.dataset.nhsuk);
initAll();
