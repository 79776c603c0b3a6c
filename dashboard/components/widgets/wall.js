const walls = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  let wall = walls.get(parentElement)
  if (wall?.root.parentNode !== parentElement) {
    wall = build(parentElement)
    walls.set(parentElement, wall)
  }
  wall.data = data
  wall.send = choice => component.setTriggerValue("chosen", choice)
  draw(wall)
}

function build(parent) {
  const sheet = document.createElement("style")
  const root = document.createElement("div")
  root.className = "wall"
  parent.append(sheet, root)
  const wall = { root, sheet, groups: [], looks: "" }
  root.onclick = event => {
    const place = find(wall, event.target)
    if (place) choose(wall, ...place, true)
  }
  root.onkeydown = event => walk(wall, event)
  root.addEventListener("focusin", event => {
    const place = find(wall, event.target)
    if (place) activate(place[0], place[1])
  })
  return wall
}

function find(wall, target) {
  for (const group of wall.groups) {
    const at = group.cells.findIndex(cell => cell.element.contains(target))
    if (at >= 0) return [group, at]
  }
}

function draw(wall) {
  const { root, data, groups } = wall
  root.style.setProperty("--negative", data.colors[0])
  root.style.setProperty("--positive", data.colors[1])
  while (groups.length > data.groups.length) groups.pop().element.remove()
  while (groups.length < data.groups.length) {
    const group = newGroup()
    groups.push(group)
    root.append(group.element)
  }
  const looks = data.groups
    .map((group, at) => `[data-group="${at}"] .picture { background-image: url("${group.sheet}") }`)
    .join(" ")
  if (wall.looks !== looks) wall.sheet.textContent = wall.looks = looks
  data.groups.forEach((words, at) => drawGroup(groups[at], words, at))
  mark(wall)
}

function newGroup() {
  const element = part(document.createElement("div"), "group")
  const head = part(element, "head")
  const group = { element, title: part(head, "title"), note: part(head, "note"), key: part(head, "key"), cells: [] }
  return { ...group, room: part(element, "cells"), active: 0, words: null }
}

function drawGroup(group, words, at) {
  const { element, room, cells } = group
  set(element, "data-group", String(at))
  element.classList.toggle("digit", words.digit)
  element.classList.toggle("close", Boolean(words.inRow))
  room.style.gridTemplateColumns = words.inRow ? `repeat(${words.inRow}, var(--width))` : ""
  write(group.title, words.title)
  write(group.note, words.note)
  drawKey(group.key, words)
  for (const name of ["width", "height"]) element.style.setProperty(`--${name}`, `${words[name]}px`)
  for (const name of ["columns", "rows"]) element.style.setProperty(`--${name}`, words[name])
  set(room, "role", words.selectable ? "listbox" : "list")
  set(room, "aria-label", words.title || words.name)
  while (cells.length > words.count) cells.pop().element.remove()
  while (cells.length < words.count) {
    const cell = { element: part(room, "cell") }
    cell.picture = part(cell.element, "picture")
    cell.caption = part(cell.element, "caption")
    cells.push(cell)
  }
  const share = (place, count) => (count > 1 ? (100 * place) / (count - 1) : 0)
  const rearranged = !group.words || ["columns", "rows", "count"].some(name => group.words[name] !== words[name])
  cells.forEach((cell, i) => {
    if (rearranged) {
      const [x, y] = [share(i % words.columns, words.columns), share(Math.floor(i / words.columns), words.rows)]
      cell.picture.style.backgroundPosition = `${x}% ${y}%`
    }
    write(cell.caption, words.captions[i] ?? "")
    const value = words.values[i] ?? ""
    const number = words.numbers[i] ?? i
    const name = `${words.unit} ${number}${value ? `: ${value}` : ""}`
    set(cell.element, "role", words.selectable ? "option" : "listitem")
    set(cell.element, "aria-label", [undefined, String(number)].includes(words.captions[i]) ? name : `${words.captions[i]}, ${name}`)
    set(cell.element, "title", name.charAt(0).toUpperCase() + name.slice(1))
  })
  group.words = words
  if (words.selectable) activate(group, group.active)
  else for (const cell of cells) cell.element.removeAttribute("tabindex")
}

function drawKey(key, words) {
  const looks = words.key ? words.key.join() : ""
  if (key.dataset.looks === looks) return
  key.dataset.looks = looks
  key.replaceChildren()
  if (!words.key) return
  const [low, high] = words.key
  const bar = Object.assign(document.createElement("span"), { className: "bar" })
  if (words.key[0] === "0") bar.classList.add("positive")
  bar.title = "Blue is below zero, orange above; zero is pale"
  key.append(low, bar, high)
}

// One picture of a group at a time can be reached by Tab (roving tabindex); the arrow keys go on from there.
function activate(group, at) {
  group.active = Math.min(Math.max(at, 0), group.cells.length - 1)
  group.cells.forEach((cell, i) => set(cell.element, "tabindex", i === group.active ? "0" : "-1"))
}

function mark({ groups, data }) {
  for (const group of groups) {
    if (!group.words.selectable) continue
    group.cells.forEach((cell, i) => {
      const chosen = data.selected?.[0] === group.words.name && data.selected[1] === i
      set(cell.element, "aria-selected", String(chosen))
    })
  }
}

function choose(wall, group, at, reveals) {
  if (!group.words.selectable) return
  activate(group, at)
  const choice = [group.words.name, at]
  wall.data = { ...wall.data, selected: choice } // what follows need not wait for the page
  mark(wall)
  wall.send(choice)
  if (reveals) reveal(wall.data.reveal)
}

function walk(wall, event) {
  const place = find(wall, event.target)
  if (!place || !place[0].words.selectable || event.ctrlKey || event.metaKey || event.altKey) return
  const [group, at] = place
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault()
    return choose(wall, group, at, false)
  }
  const top = group.cells[0].element.offsetTop
  const columns = Math.max(1, group.cells.filter(cell => cell.element.offsetTop === top).length)
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }
  const last = group.cells.length - 1
  let to = at + (steps[event.key] ?? NaN)
  if (event.key === "Home") to = 0
  if (event.key === "End") to = last
  if (Number.isNaN(to)) return
  event.preventDefault()
  if (to < 0 || to > last) return
  activate(group, to)
  group.cells[to].element.focus()
}

function reveal(name) {
  const panel = name && document.querySelector(`.st-key-${name}`)
  if (!panel) return
  const { top, bottom } = panel.getBoundingClientRect()
  const seen = Math.min(bottom, window.innerHeight) - Math.max(top, 0)
  if (seen >= Math.min(200, bottom - top)) return
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"
  panel.style.scrollMarginTop = "4.5rem" // Streamlit's own header
  panel.scrollIntoView({ behavior, block: "start" })
}

function part(parent, name) {
  const element = document.createElement("div")
  element.className = name
  parent.append(element)
  return element
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}
