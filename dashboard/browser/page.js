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
  // It waits until the server has taken up what was typed or drawn just before. Streamlit sends the text of a field that
  // is left only after the events that wait; and of what comes while it is busy it takes up the last alone: a text that
  // came after the click led back, and one that came before it was lost with the page.
  const CALM = 80; // milliseconds in which the server was not busy
  const PATIENCE = 1500; // more of them, at most
  // Where something was typed or moved just before, it waits longer: a busy server takes its time to say that it works.
  const JUST_BEFORE = 3000;
  const LONGER = 5;
  let changed = -JUST_BEFORE;
  for (const event of ["input", "change"]) addEventListener(event, () => (changed = performance.now()), capture);
  let typed = -PATIENCE;
  addEventListener("input", () => (typed = performance.now()), capture);
  let asked = 0; // when the server was last asked for the page, not by a part of it that repeats itself
  let answered = 0;
  let drawn = 0; // when what it was asked for was drawn to its end
  const isTold = (now) => (asked > typed ? answered > asked : now > typed + PATIENCE);
  const busy = () => document.querySelector("[data-test-script-state=running]");
  let wanted = null; // the link that was clicked a moment ago
  const follow = (link, since, until, calm) => {
    const now = performance.now();
    if (busy()) since = now;
    const there = link.isConnected ? link : [...document.links].find(({ href }) => href === link.href); // drawn anew
    const early = now < since + calm || !isTold(now);
    if ((!there || early) && now < until) return setTimeout(follow, 20, link, since, until, calm);
    link = there ?? link;
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
      if (event.detail > 1) return; // of a double-click, the first counts
      wanted = link;
      setTimeout(() => wanted === link && (wanted = null), 2 * LONGER * PATIENCE);
      const now = performance.now();
      const times = now < changed + JUST_BEFORE ? LONGER : 1;
      follow(link, now, now + times * (CALM + PATIENCE), times * CALM);
    },
    capture,
  );

  // Parts of a page that repeat themselves wait while the server is busy, and after everything else that it was asked
  // for until it has answered. Where one is asked for while the whole page runs, Streamlit may put it into what it has
  // just removed; and one that is asked for while a click leads to another page, and so by the page that is left, has
  // the browser take the new page away. What asks for it is held back where it is sent: Streamlit's timers may be older
  // than this script.
  const MOST_HELD_BACK = 4000; // milliseconds, one after the other
  const SETTLING = 1500; // milliseconds after a page or a connection has come, in which all of the page is drawn
  const ACTED = 1000; // milliseconds in which a click may lead to another page
  const LONGEST = 10000; // milliseconds in which an answer is awaited
  let came = performance.now();
  let heldSince = 0;
  new MutationObserver(() => (came = performance.now())).observe(document.querySelector("[data-testid=stApp]"), {
    attributeFilter: ["data-test-connection-state"],
  });
  const mayAskAgain = () => {
    const now = performance.now();
    if (now < asked + ACTED || (drawn < asked && now < asked + LONGEST)) return false;
    if (!busy() && now > came + SETTLING) heldSince = 0;
    else if (now < (heldSince ||= now) + MOST_HELD_BACK) return false;
    else heldSince = 0;
    return true;
  };
  // A message to Streamlit's server is a protobuf: BackMsg.rerun_script is field 11, and in it fragment_id field 5 and
  // is_auto_rerun field 6. Of what comes from it, ForwardMsg, script_finished is field 6.
  const [RERUN, FRAGMENT, AUTO, FINISHED, VARINT] = [11, 5, 6, 6, 0];
  const [WHOLE, WRONG, PART] = [0, 1, 3]; // what has finished: the page, well or not, or a part of it
  function* fields(bytes) {
    let at = 0;
    const whole = () => {
      let [number, times] = [0, 1];
      do {
        number += (bytes[at] & 127) * times;
        times *= 128;
      } while (bytes[at++] & 128);
      return number;
    };
    while (at < bytes.length) {
      const key = whole();
      const size = whole(); // the number itself where that is what the field is; these messages have no other kinds
      if (key % 8 === VARINT) yield [key >> 3, size];
      else yield [key >> 3, bytes.subarray(at, (at += size))];
    }
  }
  const send = WebSocket.prototype.send;
  const sockets = new WeakSet();
  let ends = []; // what ends what it was asked for
  const hear = ({ data }) => {
    answered = performance.now();
    const finished = data instanceof ArrayBuffer ? new Map(fields(new Uint8Array(data))).get(FINISHED) : null;
    if (ends.includes(finished)) drawn = answered;
  };
  WebSocket.prototype.send = function (data) {
    if (!sockets.has(this)) this.addEventListener("message", hear);
    sockets.add(this);
    const message = data instanceof Uint8Array ? new Map(fields(data)).get(RERUN) : null;
    const rerun = message && new Map(fields(message));
    if (rerun && !rerun.get(AUTO)) {
      asked = performance.now();
      ends = rerun.has(FRAGMENT) ? [WHOLE, WRONG, PART] : [WHOLE, WRONG];
    } else if (rerun && !mayAskAgain()) return;
    send.call(this, data);
  };

  // Where a network was chosen, the button that trains it stands a moment later: of a double-click, the first counts.
  addEventListener(
    "click",
    (event) => {
      if (event.detail < 2 || !event.target.closest?.(".st-key-networks")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    capture,
  );

  // A button of a lesson shows that it was pressed until the server has answered: that can take seconds. What is
  // clicked in the meantime is clicked then: the server takes two clicks on a button that come together for one.
  const LESSON_BUTTON = ":is(.st-key-guide, [class*=st-key-begin_]) button";
  // It knows a step's buttons once it has sent what is behind them (guide.py): before, Back leads where it led before.
  const step = () => window.digitlabMoment;
  const later = []; // selectors of buttons
  let isPressed = false;
  addEventListener(
    "click",
    (event) => {
      const pressed = event.target.closest?.(LESSON_BUTTON);
      if (!pressed) return;
      const isDouble = event.detail > 1 && event.pointerType !== "touch"; // of a double-click, the first counts
      if (isPressed || isDouble) {
        event.preventDefault();
        event.stopImmediatePropagation();
        const [name] = pressed.closest("[class*=st-key-]").className.match(/st-key-\S+/);
        if (!isDouble) later.push(`.${CSS.escape(name)} button:enabled`);
        return;
      }
      isPressed = true;
      const [since, before] = [performance.now(), step()];
      pressed.dataset.pressed = "";
      const release = () => {
        // What comes right after a click may have been on its way before it.
        const isAnswered = asked > since && answered > asked && performance.now() > asked + ACTED && !busy();
        if (step() === before && !isAnswered && performance.now() < since + LONGEST) return setTimeout(release, CALM);
        delete pressed.dataset.pressed;
        pressNext(performance.now() + PATIENCE);
      };
      const pressNext = (until) => {
        const next = later.length ? document.querySelector(later[0]) : null;
        if (later.length && !next && performance.now() < until) return setTimeout(pressNext, CALM, until); // drawn anew
        isPressed = false;
        later.shift();
        next?.click();
      };
      setTimeout(release, CALM);
    },
    capture,
  );

  // A page that went blank all the same comes back, or the one that was clicked comes.
  // Where it had just started a run, the address may still name the one before: without it the new one is shown.
  const AGAIN = 10000; // milliseconds: a page that goes blank sooner again is left as it is
  let started = -AGAIN;
  const start = ":is(.st-key-start, .st-key-start_here) button:enabled";
  addEventListener("click", ({ target }) => target.closest?.(start) && (started = performance.now()), capture);
  const comeBack = () => {
    const last = Number(sessionStorage.getItem("digitLabCameBack"));
    if (document.querySelector("[data-testid=stApp]") || Date.now() - last < AGAIN) return;
    sessionStorage.setItem("digitLabCameBack", Date.now());
    const here = new URL(location);
    if (performance.now() - started < AGAIN) here.searchParams.delete("run");
    if (wanted || here.href !== location.href) location.assign(wanted?.href ?? here.href);
    else location.reload();
  };
  addEventListener("error", () => setTimeout(comeBack, CALM));

  // Start is off while half a number is typed ("1e-"), and for a moment longer when the rest of it is: a click in that
  // moment counts as soon as Start is on.
  const MOMENT = 1500; // milliseconds
  const button = () => document.querySelector(".st-key-start button");
  let counts = 0; // until when
  const look = () => {
    if (button()?.disabled === false) {
      counts = 0;
      button().click();
    } else if (performance.now() < counts) requestAnimationFrame(look);
  };
  for (const event of ["keydown", "pointerdown"]) {
    addEventListener(event, () => (counts = 0), capture); // who goes on typing has changed his mind
  }
  addEventListener(
    "pointerup", // which a finger that scrolls does not end with
    ({ clientX: x, clientY: y }) => {
      const { left, right, top, bottom } = button()?.getBoundingClientRect() ?? {};
      if (!button()?.disabled || !(left < x && x < right && top < y && y < bottom)) return;
      const looking = performance.now() < counts;
      counts = performance.now() + MOMENT;
      if (!looking) requestAnimationFrame(look);
    },
    capture,
  );

  // On a phone the sidebar lies over the page: what leads to a run, a page or the builder closes it, so that this is
  // seen.
  const LEADS =
    ":is(.st-key-start, .st-key-build, .st-key-activity) button:enabled, [data-testid=stSidebarNavLink]";
  const CHOSEN = 300; // milliseconds, in which the list takes up what was chosen
  const narrow = () => matchMedia("(max-width: 768px)").matches;
  // Streamlit keeps an open sidebar for the next address: on a phone it would lie over that page too.
  addEventListener("pagehide", () => {
    if (!narrow()) return;
    for (const key of Object.keys(localStorage)) if (key.startsWith("stSidebarCollapsed")) localStorage.removeItem(key);
  });
  const closeSidebar = () => document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  addEventListener("click", ({ target }) => {
    if (!narrow() || !target.closest(LEADS)) return;
    closeSidebar();
  });
  addEventListener(
    "pointerup", // the click comes when the list is gone
    ({ target }) => {
      if (!narrow()) return;
      if (target.closest?.("[role=listbox][aria-label=Run] [role=option]")) setTimeout(closeSidebar, CHOSEN);
    },
    capture,
  );

  // A word of the glossary shows its explanation, its link's title, where it stands: under the mouse, with the focus, or
  // tapped. Escape hides it.
  const WORD = 'a[href*="/learn?word="]';
  const explanation = document.createElement("div");
  Object.assign(explanation, { id: "word_explanation", role: "tooltip", hidden: true });
  document.body.append(explanation);
  let explained = null; // the link
  const hide = () => {
    explained?.removeAttribute("aria-describedby");
    explained = null;
    explanation.hidden = true;
  };
  const explain = (link) => {
    if (link === explained) return;
    hide();
    explained = link;
    if (link.title) link.dataset.explanation = link.title;
    link.removeAttribute("title"); // else the browser shows it too
    link.setAttribute("aria-describedby", explanation.id);
    explanation.textContent = link.dataset.explanation;
    explanation.hidden = false;
    const { left, top, bottom } = link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = explanation;
    const above = bottom + height + 8 > innerHeight;
    explanation.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    explanation.style.top = `${above ? Math.max(8, top - height - 4) : bottom + 4}px`;
  };
  for (const event of ["mouseover", "focusin"]) {
    addEventListener(event, ({ target }) => (target.closest?.(WORD) ? explain(target.closest(WORD)) : hide()), capture);
  }
  addEventListener("scroll", hide, capture);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide(), capture);
  addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.(WORD);
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      explain(link);
    },
    capture,
  );

  // A browser that translates puts font elements in the place of texts, of which React knows nothing: it changed a text
  // that is no longer there, and a live number stood still, or failed to remove it, and the page went blank. So a text
  // that changes comes back, to be translated anew, and a translation goes with its text. (Angle brackets here and
  // Streamlit leaves the whole script out.)
  const translations = new WeakMap(); // what stands for a text
  const changes = new MutationObserver((records) => {
    for (const { target } of records) {
      translations.get(target)?.replaceWith(target);
      translations.delete(target);
    }
  });
  let translated = false;
  const isTranslation = (node) => node?.nodeName === "FONT";
  new MutationObserver((records) => {
    for (const { removedNodes, addedNodes, previousSibling, nextSibling } of records)
      for (const text of removedNodes) {
        if (text.nodeType !== Node.TEXT_NODE) continue;
        const translation = [...addedNodes, previousSibling, nextSibling].find(isTranslation);
        if (!translation) continue;
        translated = true;
        translations.set(text, translation);
        changes.observe(text, { characterData: true });
      }
  }).observe(document, { childList: true, subtree: true });
  const { removeChild, insertBefore } = Node.prototype;
  Node.prototype.removeChild = function (child) {
    if (!translated || child.parentNode === this) return removeChild.call(this, child);
    (translations.get(child) ?? child).remove();
    return child;
  };
  Node.prototype.insertBefore = function (child, next) {
    if (!translated || next?.parentNode === this) return insertBefore.call(this, child, next);
    let place = translations.get(next) ?? next;
    while (place && place.parentNode !== this) place = place.parentNode;
    return insertBefore.call(this, child, place);
  };

  // The theme's colour scheme holds for popovers and dialogs too, which are outside the app's element: light-dark() in
  // page.css asks for it. What is printed is light: there the attribute tells that the theme is dark.
  const app = document.querySelector("[data-testid=stApp]");
  const mirror = () => {
    const { colorScheme } = getComputedStyle(app);
    document.documentElement.style.colorScheme = colorScheme;
    document.documentElement.dataset.theme = colorScheme;
  };
  new MutationObserver(mirror).observe(app, { attributeFilter: ["class"] });
  mirror();
})();
