const galleries = new WeakMap()
const MARKS = { right: "✓ ", wrong: "✗ ", none: "" }

export default function (component) {
  const { data, parentElement } = component
  let gallery = galleries.get(parentElement)
  if (gallery?.room.parentNode !== parentElement) {
    if (gallery) takeAway(gallery)
    gallery = build(parentElement)
    galleries.set(parentElement, gallery)
  }
  gallery.data = data
  gallery.choose = index => component.setTriggerValue("chosen", index)
  gallery.close = () => component.setTriggerValue("closed", true)
  draw(gallery)
  return () => takeAway(gallery)
}

function build(parent) {
  const sheet = document.createElement("style")
  const room = document.createElement("div")
  const root = part(room, "gallery")
  room.className = "room"
  parent.append(sheet, room)
  const gallery = { root, room, sheet, tiles: [], looks: "", active: 0, order: "", open: null, waiting: 0 }
  root.onclick = event => {
    const at = gallery.tiles.findIndex(tile => tile.element.contains(event.target))
    if (at >= 0 && gallery.data.selectable) choose(gallery, at, true)
  }
  gallery.forget = () => clearTimeout(gallery.waiting)
  gallery.escape = event => escape(gallery, event)
  document.addEventListener("keydown", gallery.escape, { capture: true }) // before a menu that it closes is closed
  root.onkeydown = event => walk(gallery, event)
  root.addEventListener("focusin", event => {
    const at = gallery.tiles.findIndex(tile => tile.element === event.target)
    if (at >= 0) activate(gallery, at)
  })
  return gallery
}

function takeAway(gallery) {
  gallery.forget()
  document.removeEventListener("keydown", gallery.escape, { capture: true })
  const skip = document.querySelector(".skip-to-digits")
  skip?.galleries.delete(gallery)
  if (!skip?.galleries.size) skip?.remove()
}

function draw(gallery) {
  const { root, data } = gallery
  set(root, "role", data.selectable ? "listbox" : "list")
  set(root, "aria-label", data.label)
  set(root, "data-selectable", String(data.selectable))
  set(root, "data-wraps", String(data.wraps))
  root.style.setProperty("--least", `${data.size}px`)
  root.style.setProperty("--columns", data.columns)
  const looks = `.digit { background-image: url("${data.sprite}") } ${rows(data)}`
  if (gallery.looks !== looks) gallery.sheet.textContent = gallery.looks = looks
  while (gallery.tiles.length > data.tiles.length) gallery.tiles.pop().element.remove()
  while (gallery.tiles.length < data.tiles.length) {
    const tile = newTile()
    gallery.tiles.push(tile)
    root.append(tile.element)
  }

  const order = data.tiles.map(tile => tile.index).join()
  const selected = data.tiles.findIndex(tile => tile.index === data.selected)
  if (order !== gallery.order) gallery.active = Math.max(0, selected)
  gallery.order = order
  data.tiles.forEach((words, at) => {
    const { element, digit, flag, caption, sure } = gallery.tiles[at]
    const [column, row] = [at % data.columns, Math.floor(at / data.columns)]
    digit.style.setProperty("--column", column)
    digit.style.setProperty("--row", row)
    set(element, "role", data.selectable ? "option" : "listitem")
    set(element, "aria-label", words.name)
    set(element, "title", words.tooltip)
    set(element, "data-mark", words.second ? "none" : words.mark) // two runs: the frame is nobody's
    set(caption, "data-mark", words.mark)
    set(sure, "data-mark", words.second)
    set(element, "data-index", String(words.index))
    write(flag, words.flag ? "⚑" : "")
    write(caption, MARKS[words.mark] + (data.wraps ? words.caption.replace("→", "→\u200b") : words.caption))
    write(sure, (MARKS[words.second] ?? "") + words.sure)
    if (!data.selectable) element.removeAttribute("tabindex")
  })
  if (data.selectable) {
    activate(gallery, gallery.active)
    select(gallery, selected)
    offerSkip(gallery)
    if (data.selected === null && gallery.open !== null) comeBack(gallery, gallery.open)
    gallery.open = data.selected
  }
}

// As many columns as there is room for, or up to half of them where a full gallery then ends with a full row: its digits
// grow into the room that is left. Digits that would grow by little keep their size, which shows pixels of equal width.
// Where all tiles have room in one row, they stand as close as in a longer one.
function rows({ size, full, selectable }) {
  const [around, gap, beside] = selectable ? [10, 4, 14] : [6, 2, 10]
  const rules = []
  for (let fit = 2; fit <= full; fit++) {
    let columns = fit
    while (full % columns && columns > fit / 2) columns--
    if (full % columns) columns = fit
    const room = fit * (size + around + gap) - gap + 8
    const grows = fit < full && (columns < 0.9 * fit || fit < 8)
    const width = `(100cqw + ${beside - 8 + gap}px) / ${columns} - ${gap + around}px`
    const tracks = fit < full ? `repeat(${columns}, calc(var(--size) + ${around}px))` : `repeat(auto-fill, ${size + around}px)`
    const look = `${grows ? `--size: calc(${width}); ` : ""}grid-template-columns: ${tracks}`
    rules.push(`@container (min-width: ${room}px) { .room > .gallery.gallery { --size: var(--least); ${look} } }`)
  }
  return rules.join(" ")
}

function newTile() {
  const element = document.createElement("div")
  element.className = "tile"
  const frame = part(element, "frame")
  const tile = { element, digit: part(frame, "digit"), flag: part(frame, "flag") }
  tile.caption = part(element, "caption")
  element.append(" ") // as in the tile's name
  return { ...tile, sure: part(element, "sure") }
}

function part(parent, name) {
  const element = document.createElement("div")
  element.className = name
  if (!["frame", "gallery"].includes(name)) element.setAttribute("aria-hidden", "true")
  parent.append(element)
  return element
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

// One tile at a time can be reached by Tab (roving tabindex); the arrow keys go on from there.
function activate(gallery, at) {
  gallery.active = Math.min(Math.max(at, 0), gallery.tiles.length - 1)
  gallery.tiles.forEach((tile, i) => set(tile.element, "tabindex", i === gallery.active ? "0" : "-1"))
}

function select(gallery, at) {
  gallery.tiles.forEach((tile, i) => set(tile.element, "aria-selected", String(i === at)))
}

function choose(gallery, at, reveals) {
  clearTimeout(gallery.waiting)
  activate(gallery, at)
  select(gallery, at)
  const index = gallery.data.tiles[at].index
  gallery.data = { ...gallery.data, selected: index } // the keys that follow need not wait for the page
  gallery.choose(index)
  if (reveals && gallery.data.reveal) reveal(gallery, at)
}

function walk(gallery, event) {
  const { tiles, data, active } = gallery
  if (!data.selectable || !tiles.length || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault()
    choose(gallery, active, true)
    return
  }
  const top = tiles[0].element.offsetTop
  const second = tiles.findIndex(tile => tile.element.offsetTop > top)
  const columns = second < 0 ? tiles.length : second
  const last = tiles.length - 1
  const steps = {
    ArrowLeft: active - 1,
    ArrowRight: active + 1,
    ArrowUp: active - columns,
    ArrowDown: active + columns,
    Home: 0,
    End: last,
  }
  if (!(event.key in steps)) return
  event.preventDefault()
  event.stopPropagation()
  const next = steps[event.key]
  if (next < 0 || next > last || next === active) return
  activate(gallery, next)
  tiles[next].element.focus()
  if (data.selected === null) return
  // With an image open, walking turns its pages; a held key asks only for the tile it stops at. A choice that still
  // waits when a link is clicked would bring this page back.
  document.addEventListener("pointerdown", gallery.forget, { once: true, capture: true })
  clearTimeout(gallery.waiting)
  gallery.waiting = setTimeout(() => choose(gallery, next, false), 150)
}

// Escape closes the panel of the selected image, from anywhere in it or in the gallery.
function escape(gallery, event) {
  const { data, root } = gallery
  if (event.key !== "Escape" || !data.closes || data.selected === null) return
  const [from] = event.composedPath()
  const inside = from === document.body || root.contains(from) || panelOf(data)?.contains(from)
  if (!inside || from.closest("[aria-expanded=true]")) return // a menu that is open is closed first
  gallery.forget()
  const index = data.selected
  gallery.data = { ...data, selected: null }
  gallery.open = null
  select(gallery, -1)
  gallery.close()
  focusTile(gallery, index)
}

// Where the panel is closed by its own button, which goes with it, the focus is led back to the tile.
function comeBack(gallery, index) {
  const focus = document.activeElement
  if (focus === document.body || panelOf(gallery.data)?.contains(focus)) focusTile(gallery, index)
}

function focusTile(gallery, index) {
  const at = gallery.data.tiles.findIndex(tile => tile.index === index)
  if (at >= 0) activate(gallery, at)
  gallery.tiles[gallery.active]?.element.focus({ preventScroll: true })
}

function panelOf({ reveal }) {
  return reveal && document.querySelector(`.st-key-${reveal}`)
}

// The first Tab stop of a page with a gallery leads past navigation and filters.
function offerSkip(gallery) {
  let skip = document.querySelector(".skip-to-digits")
  if (!skip) {
    skip = document.createElement("nav")
    skip.className = "skip-to-digits"
    skip.ariaLabel = "Skip"
    skip.galleries = new Set()
    const button = document.createElement("button")
    button.textContent = "Skip to the images"
    button.onclick = () => {
      const [first] = skip.galleries
      first.tiles[first.active]?.element.focus()
    }
    skip.append(button)
    document.body.prepend(skip)
  }
  skip.galleries.add(gallery)
}

// The panel may be drawn first by the run that the choice starts, so look for it for a while.
function reveal(gallery, at, tries = 100) {
  if (gallery.data.tiles[at]?.index !== gallery.data.selected) return // another one was chosen meanwhile
  const panel = panelOf(gallery.data)
  if (!panel?.childElementCount) {
    if (tries > 0) setTimeout(() => reveal(gallery, at, tries - 1), 100)
    return
  }
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"
  const { top, bottom, left } = panel.getBoundingClientRect()
  const lies = getComputedStyle(panel.parentElement).bottom === "0px" // over the digits, as high as it is when filled
  const edge = lies ? window.innerHeight * 0.45 : top
  const header = "4.5rem" // Streamlit's own
  const tile = gallery.tiles[at]?.element
  const place = tile?.getBoundingClientRect()
  const seen = Math.min(bottom, window.innerHeight) - Math.max(top, 0)
  if (place && place.bottom > edge && place.right > left) {
    tile.style.scrollMarginTop = header // the panel lies over the tile, which is to stay in sight as well
    tile.scrollIntoView({ behavior, block: "start" })
  } else if (seen < Math.min(200, bottom - top)) {
    panel.style.scrollMarginTop = header
    panel.scrollIntoView({ behavior, block: "start" })
  }
}
