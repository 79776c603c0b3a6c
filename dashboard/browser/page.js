// What the pages do beside Streamlit, once in each browser tab.
(() => {
  if (window.digitLab) return;
  window.digitLab = true;
  const capture = { capture: true };

  // The way back: one step for each thing that somebody did. Streamlit writes every address that a page passes through
  // into the browser's history: on the way to another page also the page that is left, without its parameters, and the
  // new one before it knows its run. Back stopped at each, and a filter or an opened image was lost.
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let somebodyActed = navigator.userActivation.hasBeenActive; // also before this ran, which a busy machine puts off
  for (const event of ["pointerdown", "click", "keydown"])
    addEventListener(event, () => (somebodyActed = true), capture);
  addEventListener("popstate", () => (somebodyActed = false), capture);
  history.pushState = (...entry) => {
    (somebodyActed ? push : replace)(...entry);
    somebodyActed = false;
  };

  // A click on another page's link makes its step itself: after a Back, Streamlit writes over the page that is left.
  // It is sent after what was typed or drawn just before. Streamlit sends the text of a field that is left only after
  // the events that wait, so that the text, coming from the page before, led back; and a server that is busy takes up
  // only the last of what comes, which says nothing of the fields on the page that is left.
  const SENT = 60; // milliseconds
  const BUSY = 500; // more of them, at most
  const busy = () => document.querySelector("[data-test-script-state=running]");
  const follow = (link, until) => {
    if (busy() && performance.now() < until) return setTimeout(follow, 20, link, until);
    const leaves = link.pathname !== location.pathname;
    if (leaves) push(history.state, "", location.href);
    link.click();
    if (leaves) somebodyActed = false;
  };
  addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("a[href]");
      if (!event.isTrusted || !link || link.target || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.detail < 2) setTimeout(follow, SENT, link, performance.now() + SENT + BUSY); // once for a double-click
    },
    capture,
  );

  // Start is off while half a number is typed ("1e-"), and for a moment longer when the rest of it is: a click in that
  // moment counts as soon as Start is on.
  const MOMENT = 1500; // milliseconds
  const button = () => document.querySelector(".st-key-start button");
  let wanted = 0; // until when
  const look = () => {
    if (button()?.disabled === false) {
      wanted = 0;
      button().click();
    } else if (performance.now() < wanted) requestAnimationFrame(look);
  };
  addEventListener(
    "pointerup", // which a finger that scrolls does not end with
    ({ clientX: x, clientY: y }) => {
      const { left, right, top, bottom } = button()?.getBoundingClientRect() ?? {};
      if (!button()?.disabled || !(left < x && x < right && top < y && y < bottom)) return;
      const looking = performance.now() < wanted;
      wanted = performance.now() + MOMENT;
      if (!looking) requestAnimationFrame(look);
    },
    capture,
  );
})();
