// The way back: one step for each thing that somebody did. Streamlit writes every address that a page passes through
// into the browser's history: on the way to another page also the page that is left, without its parameters, and the
// new one before it knows its run. Back stopped at each, and a filter or an opened image was lost.
(() => {
  if (window.digitLabHistory) return;
  window.digitLabHistory = true;
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let somebodyActed = false;
  for (const event of ["pointerdown", "click", "keydown"])
    addEventListener(event, () => (somebodyActed = true), { capture: true });
  addEventListener("popstate", () => (somebodyActed = false), { capture: true });
  history.pushState = (...entry) => {
    (somebodyActed ? push : replace)(...entry);
    somebodyActed = false;
  };
})();
