// What streamlit-drawable-canvas lacks for a page that is drawn on with fingers and quick hands. A sheet of glass lies over
// it, takes what a mouse, a pen or a finger does, and passes it on; the toolbar below the glass is hidden, and its buttons
// are pressed from here.
//
// - A stroke is sent when it ends, not 200 ms later, so that whatever is clicked next knows of it.
// - While it is drawn, the picture so far is sent as well, so that the page follows: at most every 150 ms, only where
//   something was drawn since, and not before the page is done with the picture before.
// - Undo takes the last stroke that is seen back in the browser, however much of it the server knows; where there is none
//   to take back, the click goes to the server, which knows of what was before.
// - After a Clear, or such an Undo, or the choice of a digit to begin with, the server lays another canvas. Until it is
//   there, the strokes are drawn on the glass, and then on the canvas. A click in the meantime waits as well, so that all
//   of it happens in the order of the hands.
// - A canvas that gets another brush in the middle of a stroke forgets its beginning: at its end it is told all of it again.
// - A second finger means a pinch, and its first finger's stroke is taken back.
// - The canvas is shown as wide as its place. Points are counted in its own pixels, whatever its width is at the moment,
//   so that ink lands below the pointer.
// - Before the first stroke a pale digit is seen on the glass; it is never on the canvas. Undo and Clear are pale as well
//   where they have nothing to do (page.css); they stay clickable, since the server may know of more than is known here.
// - The buttons that keep the drawing are off from a change of the drawing until its own buttons are there.
// - The canvas has a name for who cannot see it.

const sheet = new CSSStyleSheet()
const side = "width: 100cqw !important; height: 100cqw !important;" // of .st-key-drawing, in page.css
sheet.replaceSync(`.dc-toolbar { display: none !important } .dc-container, .canvas-container, canvas { ${side} }`)
const FRAME = "position: absolute; z-index: 30; left: 0; top: 0; max-width: 100%; overflow: hidden;"
const GLASS = `${side} display: block; max-width: none; touch-action: none; user-select: none; cursor: crosshair;`
const GHOST = "#343434"
const PATIENCE = 600 // frames
const LONGEST = 30000 // milliseconds: a server that has not answered by then has forgotten the click
const HELD = 5000 // milliseconds: a change that was taken back brings no new buttons
const FOLLOWING = 150 // milliseconds between two pictures of a stroke that is being drawn
const UNANSWERED = 3000 // milliseconds after which a picture that was not answered is forgotten
const SEND = "Update the app with this drawing"
const UNDO = "Undo"
const mounted = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, layGlass())
  const hands = mounted.get(parentElement)
  hands.data = data
  hands.show = picture => setTriggerValue("live", picture)
  if (!data.ghost.path) hands.touched = false // the server knows of the stroke
  else if (!hands.touched) sayReading(false)
  attend(hands, PATIENCE)
  return () => {
    hands.listening.abort()
    hands.glass.parentElement?.remove()
    clearTimeout(hands.waiting)
    clearTimeout(hands.following)
    hold(hands, false)
    mounted.delete(parentElement)
  }
}

function layGlass() {
  const glass = document.createElement("canvas")
  glass.style = GLASS
  glass.setAttribute("role", "img")
  const frame = document.createElement("div")
  frame.style = FRAME
  frame.append(glass)
  const hands = {
    glass,
    listening: new AbortController(),
    data: null,
    root: null,
    surface: null,
    stroke: null, // the one being drawn: its pointer, its points, and whether the canvas is told of it
    strokes: [], // that the next canvas will be told of
    waiting: null, // for the next canvas: the timer that gives up
    asked: [], // what is to be clicked when it is there
    passing: false, // such a click is going on
    ready: false, // the canvas can be told of strokes
    blank: false, // what is on the canvas was cleared
    holding: null, // the buttons that keep the drawing before: the timer that gives up
    following: null, // the timer that sends the picture of a stroke that is being drawn
    sent: { number: Date.now(), at: -UNANSWERED }, // the last such picture: its number, and when it was sent
    touched: false, // a stroke was begun that the server does not know of: the ghost is gone
  }
  const listen = (target, kind, handler) =>
    target.addEventListener(kind, event => handler(hands, event), { capture: true, signal: hands.listening.signal })
  listen(window, "click", click)
  listen(glass, "pointerdown", begin)
  listen(glass, "pointermove", move)
  for (const kind of ["pointerup", "pointercancel"]) listen(glass, kind, end)
  return hands
}

// Wait for the canvas of this key, hide its toolbar, and lay the glass over it
function attend(hands, frames) {
  const { data, glass } = hands
  const place = document.querySelector(`.st-key-${data.canvas}`)
  const host = [...(place?.querySelectorAll("*") ?? [])].find(element => element.shadowRoot)
  const surface = host?.shadowRoot.querySelector("canvas.upper-canvas")
  if (!surface) {
    if (frames) requestAnimationFrame(() => data === hands.data && attend(hands, frames - 1))
    return
  }
  const root = host.shadowRoot
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet)
  glass.setAttribute("aria-label", data.name)
  const frame = glass.parentElement
  const box = place.parentElement
  if (frame.parentElement !== box) box.append(frame)
  if (surface === hands.surface) return paint(hands)
  box.style.position = "relative"
  if (glass.width !== surface.width) Object.assign(glass, { width: surface.width, height: surface.height }) // empties it
  Object.assign(hands, { root, surface, ready: false, touched: Boolean(hands.stroke || hands.strokes.length) })
  if (hands.stroke) hands.stroke.told = false
  settle(hands, surface, PATIENCE)
}

// Wait until the canvas shows the drawing that it begins with: until then it has no brush, and so no cursor for one
function settle(hands, surface, frames) {
  if (surface !== hands.surface) return
  pass(hands, "mousemove", [0, 0])
  if (surface.style.cursor === "crosshair" || !frames) arrive(hands)
  else requestAnimationFrame(() => settle(hands, surface, frames - 1))
}

function begin(hands, event) {
  if (!event.isPrimary) return leave(hands)
  if (event.button) return
  if (!hands.surface.isConnected) attend(hands, PATIENCE)
  hands.glass.setPointerCapture(event.pointerId)
  hands.stroke = { pointer: event.pointerId, points: [at(hands, event)], told: hands.ready && hands.surface.isConnected }
  hands.touched = true
  hold(hands)
  paint(hands)
  if (hands.stroke.told) pass(hands, "mousedown", hands.stroke.points[0])
}

function move(hands, event) {
  const { stroke } = hands
  if (stroke?.pointer !== event.pointerId) return
  stroke.points.push(at(hands, event))
  if (stroke.told) pass(hands, "mousemove", stroke.points.at(-1))
  else paint(hands)
  hands.following ??= setTimeout(follow, Math.max(0, hands.sent.at + FOLLOWING - performance.now()), hands)
}

function follow(hands) {
  const { stroke, data, sent } = hands
  hands.following = null
  if (!stroke?.told) return
  const now = performance.now()
  const answered = data.followed === sent.number && !document.querySelector("[data-test-script-state=running]")
  if (!answered && now < sent.at + UNANSWERED) return (hands.following = setTimeout(follow, 10, hands))
  hands.sent = { number: sent.number + 1, at: now }
  const { canvas, strokes } = data
  hands.show({ canvas, strokes, number: hands.sent.number, data: picture(hands) })
}

// What is seen: the canvas, and on it the stroke that is being drawn
function picture({ root, glass, stroke, data }) {
  const seen = Object.assign(document.createElement("canvas"), { width: glass.width, height: glass.height })
  const pen = seen.getContext("2d")
  pen.fillStyle = data.background
  pen.fillRect(0, 0, seen.width, seen.height)
  pen.drawImage(root.querySelector("canvas.dc-canvas"), 0, 0, seen.width, seen.height)
  draw(pen, data, [stroke.points])
  return seen.toDataURL()
}

function end(hands, event) {
  const { stroke } = hands
  if (stroke?.pointer !== event.pointerId) return
  hands.stroke = null
  hold(hands) // the buttons may have come with a picture of this stroke
  if (hands.data.color !== hands.data.background) sayReading(true) // else there is nothing to read
  if (stroke.told && hands.surface.isConnected) finish(hands, stroke.points, SEND)
  else hands.strokes.push(stroke.points)
}

// A second finger
function leave(hands) {
  const { stroke } = hands
  hands.stroke = null
  hold(hands, false)
  sayReading(false)
  if (stroke?.told) finish(hands, stroke.points, UNDO)
  else paint(hands)
}

// The canvas keeps a stroke in a microtask after it ended
function finish(hands, points, label) {
  const { surface } = hands
  tell(hands, points)
  pass(hands, "mouseup", points.at(-1))
  setTimeout(() => surface === hands.surface && press(hands, label))
}

function click(hands, event) {
  const name = ["undo", "clear"].find(name => event.target.closest?.(`.st-key-${name} button`))
  if (isExample(event) && !hands.waiting) wait(hands)
  if (!name || hands.passing || !(hands.waiting || hands.surface?.isConnected)) return
  hold(hands)
  sayReading(false)
  const undone = name === "undo" && (hands.waiting ? hands.strokes.pop() : press(hands, UNDO))
  if (undone || hands.waiting) event.stopImmediatePropagation()
  if (!undone) {
    hands.blank = name === "clear"
    if (hands.blank) hands.strokes = []
    if (hands.waiting) hands.asked.push(name)
    else wait(hands)
  }
  if (hands.waiting) paint(hands)
}

// In the place of the digits to begin with (page.css)
function sayReading(reading) {
  document.querySelector(".st-key-answer_side")?.toggleAttribute("data-reading", reading)
}

// Other buttons take their place with the answer to the new drawing
function hold(hands, held = true) {
  const buttons = document.querySelector('[class*="st-key-it_is_"]')
  clearTimeout(hands.holding)
  buttons?.toggleAttribute("inert", held)
  if (held) hands.holding = setTimeout(() => buttons?.removeAttribute("inert"), HELD)
}

// A click on one of the digits to begin with, which the server puts on another canvas
function isExample(event) {
  return event.target.closest?.(".st-key-examples") && event.composedPath().some(element => element.role === "option")
}

function wait(hands) {
  hands.waiting = setTimeout(() => arrive(hands), LONGEST)
  hands.ready = false
  if (hands.stroke) hands.stroke.told = false
}

// The canvas is there: click what is still to be clicked, or tell it of the strokes that were drawn in the meantime
async function arrive(hands) {
  clearTimeout(hands.waiting)
  hands.waiting = null
  const next = hands.asked.shift()
  if (next) {
    hands.passing = true
    document.querySelector(`.st-key-${next} button`)?.click()
    hands.passing = false
    return wait(hands)
  }
  hands.ready = true
  hands.blank = false
  const strokes = hands.strokes.splice(0)
  for (const points of strokes) {
    tell(hands, points)
    pass(hands, "mouseup", points.at(-1))
    await null // the canvas keeps a stroke in a microtask after it ended
  }
  if (strokes.length) press(hands, SEND)
  if (hands.stroke) {
    hands.stroke.told = true
    tell(hands, hands.stroke.points)
  }
  requestAnimationFrame(() => paint(hands)) // the canvas shows them in this frame
}

// From its beginning to where it is now
function tell(hands, points) {
  pass(hands, "mousedown", points[0])
  for (const point of points.slice(1)) pass(hands, "mousemove", point)
}

// Points are as seen through the glass; the canvas may be elsewhere for a moment, until its style has come, or be scrolled
function pass({ root, surface }, kind, [x, y]) {
  const { left, top, width } = surface.getBoundingClientRect()
  const shown = width / surface.width
  const clientX = left + root.querySelector(".dc-scroll").scrollLeft + x * shown
  const event = { clientX, clientY: top + y * shown, bubbles: true, cancelable: true, composed: true, view: window }
  surface.dispatchEvent(new MouseEvent(kind, event))
}

function at(hands, event) {
  const { left, top, width } = hands.glass.getBoundingClientRect()
  const pixels = hands.glass.width / width
  return [(event.clientX - left) * pixels, (event.clientY - top) * pixels]
}

// On the glass is what the canvas does not know yet
function paint({ glass, data, blank, touched, stroke, strokes }) {
  const empty = Boolean(data.ghost.path) && !touched
  for (const [name, idle] of [["undo", empty && !data.undoes && !blank], ["clear", empty || blank]])
    document.querySelector(`.st-key-tools .st-key-${name} button`)?.setAttribute("aria-disabled", idle)
  const pen = glass.getContext("2d")
  pen.clearRect(0, 0, glass.width, glass.height)
  pen.fillStyle = data.background
  if (blank) pen.fillRect(0, 0, glass.width, glass.height)
  if (empty) ghost(pen, data)
  draw(pen, data, stroke && !stroke.told ? [...strokes, stroke.points] : strokes)
}

function draw(pen, data, strokes) {
  Object.assign(pen, { lineWidth: data.width, strokeStyle: data.color, lineCap: "round", lineJoin: "round" })
  for (const points of strokes) {
    pen.beginPath()
    pen.moveTo(...points[0])
    for (const point of points) pen.lineTo(...point)
    pen.stroke()
  }
}

function ghost(pen, { width, ghost: { path, scale } }) {
  pen.save()
  pen.scale(scale, scale)
  Object.assign(pen, { lineWidth: width / scale, strokeStyle: GHOST, lineCap: "round", lineJoin: "round" })
  pen.stroke(new Path2D(path))
  pen.restore()
}

function press(hands, label) {
  const button = hands.root.querySelector(`.dc-toolbar button[aria-label="${label}"]`)
  if (!button || button.disabled) return false
  button.click()
  return true
}
