// What streamlit-drawable-canvas lacks for a page that is drawn on with fingers and quick hands. Its toolbar lies, unseen,
// over the top right corner, where a finger that begins a stroke would press one of its buttons: it is hidden, and its
// buttons are pressed from here.
//
// - A stroke is sent when it ends, not 200 ms later, so that whatever is clicked next knows of it.
// - Undo takes the last stroke that is seen back in the browser, however much of it the server knows; where there is none
//   to take back, the click goes to the server, which knows of what was before.
// - A second finger means a pinch, and its first finger's stroke is taken back.
// - The canvas has a name for who cannot see it.

const hidden = new CSSStyleSheet()
hidden.replaceSync(".dc-toolbar { display: none !important }")
const PATIENCE = 600 // frames
const SEND = "Update the app with this drawing"
const UNDO = "Undo"
const mounted = new WeakMap()

export default function ({ data, parentElement }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, watchHands())
  const hands = mounted.get(parentElement)
  attend(hands, data.canvas, data.name, PATIENCE)
  return () => {
    hands.listening.abort()
    mounted.delete(parentElement)
  }
}

// Wait for the canvas of this key, hide its toolbar, name it, and listen for what begins on it
function attend(hands, key, name, frames) {
  const host = [...document.querySelectorAll(`.st-key-${key} *`)].find(element => element.shadowRoot)
  const surface = host?.shadowRoot.querySelector("canvas.upper-canvas")
  if (!surface) {
    if (frames) requestAnimationFrame(() => attend(hands, key, name, frames - 1))
    return
  }
  const root = host.shadowRoot
  if (!root.adoptedStyleSheets.includes(hidden)) root.adoptedStyleSheets.push(hidden)
  surface.setAttribute("role", "img")
  surface.setAttribute("aria-label", name)
  if (hands.surface === surface) return
  Object.assign(hands, { root, surface, begun: false, pinched: false })
  const { signal } = hands.listening
  for (const kind of ["mousedown", "touchstart"]) {
    surface.addEventListener(kind, event => begin(hands, event), { capture: true, passive: true, signal })
  }
}

function watchHands() {
  const hands = { listening: new AbortController(), root: null, surface: null, begun: false, pinched: false }
  const listen = (kind, handler) =>
    window.addEventListener(kind, event => handler(hands, event), { capture: true, signal: hands.listening.signal })
  listen("click", undo)
  for (const kind of ["mouseup", "touchend", "touchcancel"]) listen(kind, end)
  listen("touchmove", move)
  return hands
}

function begin(hands, event) {
  if (event.touches?.length > 1) hands.pinched = true
  if (hands.pinched) event.stopImmediatePropagation()
  else hands.begun = true
}

function move(hands, event) {
  if (hands.pinched) event.stopImmediatePropagation()
}

// The canvas puts a stroke together in its own handlers of these events, and keeps it in a microtask after them
function end(hands, event) {
  if (event.touches?.length) return
  const { begun, pinched, surface } = hands
  Object.assign(hands, { begun: false, pinched: false })
  if (begun) setTimeout(() => surface === hands.surface && press(hands, pinched ? UNDO : SEND))
}

function undo(hands, event) {
  const asked = hands.surface?.isConnected && event.target.closest?.(".st-key-undo button")
  if (asked && press(hands, UNDO)) event.stopImmediatePropagation()
}

function press(hands, label) {
  const button = hands.root.querySelector(`.dc-toolbar button[aria-label="${label}"]`)
  if (!button || button.disabled) return false
  button.click()
  return true
}
