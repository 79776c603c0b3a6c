const galleries = new WeakMap()
const MARKS = { right: "✓ ", wrong: "✗ ", none: "" }

export default function (component) {
  const { data, parentElement } = component
  let gallery = galleries.get(parentElement)
  if (gallery?.root.parentNode !== parentElement) {
    gallery = build(parentElement)
    galleries.set(parentElement, gallery)
  }
  gallery.data = data
  gallery.choose = index => component.setTriggerValue("chosen", index)
  draw(gallery)
}

function build(parent) {
  const sheet = document.createElement("style")
  const root = document.createElement("div")
  root.className = "gallery"
  parent.append(sheet, root)
  const gallery = { root, sheet, tiles: [], sprite: "", size: 0, active: 0, order: "", waiting: 0 }
  root.onclick = event => {
    const at = gallery.tiles.findIndex(tile => tile.element.contains(event.target))
    if (at >= 0 && gallery.data.selectable) choose(gallery, at, true)
  }
  gallery.forget = () => clearTimeout(gallery.waiting)
  root.onkeydown = event => walk(gallery, event)
  root.onfocusin = event => {
    const at = gallery.tiles.findIndex(tile => tile.element === event.target)
    if (at >= 0) activate(gallery, at)
  }
  return gallery
}

function draw(gallery) {
  const { root, data } = gallery
  set(root, "role", data.selectable ? "listbox" : "list")
  set(root, "aria-label", data.label)
  set(root, "data-selectable", String(data.selectable))
  root.style.setProperty("--size", `${data.size}px`)
  root.style.setProperty("--columns", data.columns)
  if (gallery.sprite !== data.sprite) {
    gallery.sprite = data.sprite
    gallery.sheet.textContent = `.digit { background-image: url("${data.sprite}") }`
  }
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
    const position = `${-column * data.size}px ${-row * data.size}px`
    if (digit.style.backgroundPosition !== position) digit.style.backgroundPosition = position
    set(element, "role", data.selectable ? "option" : "listitem")
    set(element, "aria-label", words.spoken)
    set(element, "title", words.spoken)
    set(element, "data-mark", words.mark)
    set(element, "data-index", String(words.index))
    write(flag, words.flag ? "⚑" : "")
    write(caption, MARKS[words.mark] + words.caption)
    write(sure, words.sure)
    if (!data.selectable) element.removeAttribute("tabindex")
  })
  if (data.selectable) {
    activate(gallery, gallery.active)
    select(gallery, selected)
  }
}

function newTile() {
  const element = document.createElement("div")
  element.className = "tile"
  const frame = part(element, "frame")
  const tile = { element, digit: part(frame, "digit"), flag: part(frame, "flag") }
  return { ...tile, caption: part(element, "caption"), sure: part(element, "sure") }
}

function part(parent, name) {
  const element = document.createElement("div")
  element.className = name
  if (name !== "frame") element.setAttribute("aria-hidden", "true")
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
  if (reveals && gallery.data.reveal) reveal(gallery.data.reveal)
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

// The panel may be drawn first by the run that the choice starts, so look for it for a while.
function reveal(key, tries = 20) {
  const panel = document.querySelector(`.st-key-${key}`)
  if (!panel || !panel.childElementCount) {
    if (tries > 0) setTimeout(() => reveal(key, tries - 1), 100)
    return
  }
  const { top, bottom } = panel.getBoundingClientRect()
  const seen = Math.min(bottom, window.innerHeight) - Math.max(top, 0)
  panel.style.scrollMarginTop = "4.5rem" // below Streamlit's own header
  if (seen < Math.min(200, bottom - top)) panel.scrollIntoView({ behavior: "smooth", block: "start" })
}
