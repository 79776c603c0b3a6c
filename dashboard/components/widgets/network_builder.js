// The rows of a network. A change is seen at once and sent; what it comes to is written beside the rows as it arrives.
// What can be written into a row, and what it means, is known to the page alone: the kinds and their fields come as data.
const builders = new WeakMap()
const TYPING_PAUSE = 250 // milliseconds, after which what is typed reaches the page
const MOST_UNDONE = 100
const LABELS = { takes: "of each square", same: "padded", share: "share", text: "not understood" }
const SIDE = 28
const SVG = "http://www.w3.org/2000/svg"
let ids = 0
let opened = 0 // how often the builder had been opened by its button when it took the focus last

export default function (component) {
  const { data, parentElement } = component
  let builder = builders.get(parentElement)
  if (builder?.root.parentNode !== parentElement) {
    builder = build(parentElement)
    builders.set(parentElement, builder)
  }
  builder.component = component
  const changedElsewhere = builder.data?.version !== data.version
  const isAnother = builder.data?.name !== data.name // another setting: what was done to the one before is not undone
  builder.data = data
  if (changedElsewhere) adopt(builder, isAnother)
  if (changedElsewhere || (data.at === builder.sent && !builder.waiting)) show(builder)
  if (data.opened > opened) {
    opened = data.opened
    builder.list.focus({ preventScroll: true })
    builder.root.scrollIntoView({ block: "nearest" })
  }
}

function build(parent) {
  const root = make("div", "builder")
  const place = make("div", "place")
  const list = make("ol", "rows")
  list.tabIndex = -1
  list.setAttribute("aria-label", "Layers of the network, from the image to the answer")
  const sees = make("figure", "sees")
  sees.innerHTML = `
    <div class="digit"><svg viewBox="0 0 28 28" aria-hidden="true"><path class="dim" fill-rule="evenodd"/>
      <rect class="next"/><rect class="square"/></svg></div>
    <figcaption></figcaption>`
  const foot = make("div", "foot")
  foot.innerHTML = `
    <p class="cost" aria-live="polite"></p>
    <div class="steps">
      <button type="button" title="Undo (Ctrl+Z)">Undo</button><button type="button" title="Redo (Ctrl+Y)">Redo</button>
    </div>
    <p class="hint" aria-live="polite"></p>
    <p class="heard" role="status"></p>`
  const menu = make("div", "menu")
  menu.popover = "auto"
  menu.setAttribute("role", "menu")
  menu.setAttribute("aria-label", "Layer to add")
  place.append(list, sees)
  root.append(place, foot, menu)
  parent.append(root)
  const [undo, redo] = foot.querySelectorAll("button")
  const builder = {
    root, list, sees, foot, menu, undo, redo,
    items: [], past: [], future: [], sent: 0, waiting: 0, typing: "", active: null, after: null, data: null, component: null,
  }
  builder.input = inputRow(builder)
  list.append(builder.input.element)
  undo.onclick = () => step(builder, "past", "future")
  redo.onclick = () => step(builder, "future", "past")
  root.onkeydown = event => keys(builder, event)
  menu.onkeydown = event => walkMenu(menu, event)
  menu.ontoggle = event => {
    const focus = menu.getRootNode().activeElement
    const lost = !focus || menu.contains(focus) // where it is in what is hidden, it is about to be
    if (event.newState === "closed" && lost && builder.after?.add.isConnected) builder.after.add.focus({ preventScroll: true })
  }
  return builder
}

function make(tag, name, parent) {
  const element = document.createElement(tag)
  if (name) element.className = name
  parent?.append(element)
  return element
}

function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value)
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

// Rows

function inputRow(builder) {
  const item = { id: "input", row: { kind: "input" }, ...frame(builder, () => item) }
  const name = make("div", "fixed", item.fields)
  write(name, "Image")
  item.element.classList.add("input")
  for (const [at, words] of ["parameters", "multiplications"].entries()) { // what the bars below are
    item.bars[at].length.style.width = "100%"
    write(item.bars[at].words, words)
  }
  item.add = action(builder, item, "+", () => openMenu(builder, item))
  return item
}

function newItem(builder, row) {
  const item = { id: `row${++ids}`, row: { ...row }, ...frame(builder, () => item) }
  item.up = action(builder, item, "↑", () => move(builder, item, -1))
  item.down = action(builder, item, "↓", () => move(builder, item, 1))
  item.remove = action(builder, item, "×", () => remove(builder, item))
  item.add = action(builder, item, "+", () => openMenu(builder, item))
  return item
}

function frame(builder, item) {
  const element = make("li", "row")
  const fields = make("div", "fields", element)
  const buttons = make("div", "buttons", element)
  const block = make("div", "block", element)
  const numbers = make("div", "numbers", element)
  const [size, name] = [make("strong", "", numbers), make("span", "", numbers)]
  const shares = make("div", "shares", element)
  const bars = ["parameters", "work"].map(kind => {
    const bar = make("div", `bar ${kind}`, shares)
    return { bar, length: make("i", "", bar), words: make("span", "", bar) }
  })
  const error = make("p", "error", element)
  const look = () => activate(builder, item())
  element.onpointerenter = look
  element.onpointerdown = look
  element.addEventListener("focusin", look)
  return { element, fields, buttons, block, size, name, bars, error, drawn: "", signature: "" }
}

function action(builder, item, sign, act) {
  const button = make("button", "", item.buttons)
  button.type = "button"
  button.textContent = sign
  button.onclick = act
  return button
}

function adopt(builder, isAnother) {
  const { data, items } = builder
  clearTimeout(builder.waiting)
  builder.waiting = 0
  builder.typing = ""
  builder.sent = data.at
  if (isAnother) builder.past = builder.future = []
  else remember(builder)
  const before = items.map(item => item.row)
  const fits = (from, to) => before[from]?.kind === data.rows[to]?.kind
  const most = Math.min(before.length, data.rows.length)
  let head = 0
  while (head < most && fits(head, head)) head++
  let tail = 0
  while (tail < most - head && fits(before.length - 1 - tail, data.rows.length - 1 - tail)) tail++
  builder.items = data.rows.map((row, at) => {
    const left = data.rows.length - at
    const item = at < head ? items[at] : left <= tail ? items[items.length - left] : newItem(builder, row)
    item.row = { ...row }
    return item
  })
  arrange(builder, true)
}

// Put the rows into their order and fill in what stands in them; the focus stays where it is.
function arrange(builder, all = false) {
  const { list, items, data } = builder
  const focus = list.getRootNode().activeElement
  const elements = [builder.input.element, ...items.map(item => item.element)]
  for (const element of [...list.children]) if (!elements.includes(element)) element.remove()
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null)
  })
  if (focus && focus !== list.getRootNode().activeElement && list.contains(focus)) focus.focus({ preventScroll: true })
  const last = items.length - 1
  const isEnd = at => at === last && items[at].row.kind === "output"
  items.forEach((item, at) => {
    fill(builder, item, all ? null : focus)
    const name = `layer ${at + 1}, ${item.row.kind}`
    set(item.element, "aria-label", name)
    const buttons = [
      [item.up, "Move up", "Alt+↑", at === 0 || isEnd(at)],
      [item.down, "Move down", "Alt+↓", at === last || isEnd(at + 1 <= last ? at + 1 : at)],
      [item.remove, "Remove", "Delete", isEnd(at)],
      [item.add, "Add a layer below", "Insert", isEnd(at)],
    ]
    for (const [button, words, shortcut, off] of buttons) {
      set(button, "aria-label", `${words} ${name}`)
      set(button, "title", `${words} (${shortcut})`)
      button.disabled = off
    }
    if (focus && focus.disabled && item.element.contains(focus)) item.kind.focus({ preventScroll: true })
  })
  set(builder.input.add, "aria-label", "Add a layer below the image")
  set(builder.input.add, "title", "Add a layer below (Insert)")
  builder.undo.disabled = !builder.past.length
  builder.redo.disabled = !builder.future.length
}

function fill(builder, item, focus) {
  const { row } = item
  const signature = Object.keys(row).join()
  if (item.signature !== signature || item.drawnKind !== row.kind) {
    const hadFocus = item.kind && item.kind === item.element.getRootNode().activeElement
    fields(builder, item)
    item.signature = signature
    item.drawnKind = row.kind
    if (hadFocus) item.kind.focus({ preventScroll: true })
  }
  for (const [name, input] of Object.entries(item.inputs)) {
    if (input.type === "checkbox") input.checked = row[name] !== ""
    else if (input !== focus && input.value !== row[name]) input.value = row[name]
  }
}

function fields(builder, item) {
  const { data } = builder
  const { row } = item
  const kinds = Object.keys(data.kinds).filter(kind => kind !== "text" || kind === row.kind)
  if (!item.kind) {
    item.kind = make("select", "", make("div", "kind", item.fields))
    item.kind.setAttribute("aria-label", "Kind of layer")
    item.kind.onchange = () => change(builder, () => changeKind(builder, item, item.kind.value))
  }
  item.kind.replaceChildren(...kinds.map(kind => option(kind, kind === "text" ? "?" : kind, kind === row.kind)))
  item.kind.title = data.help[row.kind]
  while (item.fields.children.length > 1) item.fields.lastChild.remove()
  item.inputs = {}
  for (const name of Object.keys(row)) {
    if (name === "kind") continue
    const choices = data.choices[row.kind]?.[name]
    const place = labelled(item.fields, LABELS[name] ?? name, name)
    const input = make(choices && choices[0] !== "" ? "select" : "input", "", place)
    item.inputs[name] = input
    if (choices?.[0] === "") {
      input.type = "checkbox"
      input.onchange = () => change(builder, () => (item.row[name] = input.checked ? choices[1] : ""))
    } else if (choices) {
      input.append(...choices.map(choice => option(choice, choice, false)))
      input.onchange = () => change(builder, () => (item.row[name] = input.value))
    } else {
      input.autocomplete = "off"
      input.spellcheck = false
      if (name !== "text") input.inputMode = name === "share" ? "decimal" : "numeric"
      input.maxLength = name === "text" ? 200 : 12
      input.oninput = () => type(builder, item, name, input.value)
      input.onblur = () => {
        builder.typing = ""
        if (builder.waiting) send(builder)
      }
    }
  }
}

function labelled(parent, words, name) {
  const label = make("label", `field ${name}`, parent)
  write(make("span", "", label), words)
  return label
}

function option(value, words, selected) {
  return new Option(words, value, selected, selected)
}

// Changes

function remember(builder) {
  builder.past = [...builder.past, snapshot(builder)].slice(-MOST_UNDONE)
  builder.future = []
}

function snapshot(builder) {
  return builder.items.map(item => ({ item, row: { ...item.row } }))
}

function change(builder, act, words = "") {
  builder.typing = ""
  remember(builder)
  act()
  arrange(builder)
  say(builder, words)
  send(builder)
}

function type(builder, item, name, text) {
  const typing = `${item.id} ${name}`
  if (builder.typing !== typing) remember(builder)
  builder.typing = typing // what is typed into one field is undone in one step
  item.row[name] = text
  builder.undo.disabled = false
  builder.redo.disabled = true
  clearTimeout(builder.waiting)
  builder.waiting = setTimeout(() => send(builder), TYPING_PAUSE)
}

function send(builder) {
  clearTimeout(builder.waiting)
  builder.waiting = 0
  builder.sent = Math.max(Date.now(), builder.sent + 1)
  const { name, version } = builder.data
  const rows = builder.items.map(item => item.row)
  builder.component.setStateValue("network", { name, version, at: builder.sent, rows })
}

function changeKind(builder, item, kind) {
  const begin = { kind, ...builder.data.kinds[kind] }
  const kept = item.row.activation
  if (kept && builder.data.choices[kind]?.activation?.includes(kept)) begin.activation = kept
  item.row = begin
}

function move(builder, item, by) {
  const at = builder.items.indexOf(item)
  const to = at + by
  const pair = [builder.items[at], builder.items[to]]
  if (!pair[1] || pair.some(one => one.row.kind === "output" && builder.items.at(-1) === one)) return
  change(builder, () => {
    builder.items[at] = pair[1]
    builder.items[to] = item
  }, `${item.row.kind} is layer ${to + 1} now`)
  item.element.scrollIntoView({ block: "nearest" })
}

function remove(builder, item) {
  const at = builder.items.indexOf(item)
  if (item.remove?.disabled ?? true) return
  change(builder, () => builder.items.splice(at, 1), `${item.row.kind} removed. Undo brings it back.`)
  const next = builder.items[Math.min(at, builder.items.length - 1)] ?? builder.input
  const target = [next.remove, next.kind, next.add].find(element => element && !element.disabled)
  target?.focus({ preventScroll: true })
}

function add(builder, after, kind) {
  const item = newItem(builder, { kind, ...builder.data.kinds[kind] })
  change(builder, () => builder.items.splice(builder.items.indexOf(after) + 1, 0, item), `${kind} added`)
  const [first] = Object.values(item.inputs)
  const types = first?.select && matchMedia("(pointer: fine)").matches // on a phone the keyboard would cover the rows
  const goal = types ? first : item.kind
  goal.focus({ preventScroll: true })
  goal.select?.()
  item.element.scrollIntoView({ block: "nearest" })
}

function step(builder, from, to) {
  const last = builder[from].at(-1)
  if (!last) return
  builder[to] = [...builder[to], snapshot(builder)]
  builder[from] = builder[from].slice(0, -1)
  builder.typing = ""
  builder.items = last.map(({ item, row }) => Object.assign(item, { row: { ...row } }))
  arrange(builder, true)
  say(builder, from === "past" ? "Undone" : "Done again")
  send(builder)
  if (!builder.root.getRootNode().activeElement) (from === "past" ? builder.undo : builder.redo).focus()
}

function say(builder, words) {
  write(builder.foot.querySelector(".heard"), words)
}

// Keys

function keys(builder, event) {
  const { key, altKey, ctrlKey, metaKey, shiftKey, target } = event
  const command = ctrlKey || metaKey
  const does = act => {
    event.preventDefault()
    event.stopPropagation()
    act()
  }
  if (command && key.toLowerCase() === "z") return does(() => shiftKey ? builder.redo.click() : builder.undo.click())
  if (command && key.toLowerCase() === "y") return does(() => builder.redo.click())
  if (builder.menu.contains(target) || command) return
  const items = [builder.input, ...builder.items]
  const at = items.findIndex(item => item.element.contains(target))
  if (at < 0) return
  const item = items[at]
  const isText = target.matches("input:not([type=checkbox])")
  if (altKey && (key === "ArrowUp" || key === "ArrowDown")) {
    does(() => at && move(builder, item, key === "ArrowUp" ? -1 : 1))
  } else if (altKey) {
    return
  } else if (key === "ArrowUp" || key === "ArrowDown") {
    if (target.matches("select")) return // changes what is chosen
    does(() => goTo(items[at + (key === "ArrowUp" ? -1 : 1)], item, target))
  } else if (key === "Delete" && !isText) {
    does(() => remove(builder, item))
  } else if (key === "Insert" && !item.add.disabled) {
    does(() => openMenu(builder, item))
  } else if (key === "Enter" && isText && builder.waiting) {
    send(builder)
  }
}

// The same control of the row above or below, or the first one that can be reached there.
function goTo(item, from, target) {
  if (!item) return
  const same = ["up", "down", "remove", "add"].find(name => from[name] === target)
  const field = Object.keys(from.inputs ?? {}).find(name => from.inputs[name] === target)
  const goals = [item[same], item.inputs?.[field], Object.values(item.inputs ?? {})[0], item.kind, item.add]
  goals.find(goal => goal && !goal.disabled)?.focus()
}

function openMenu(builder, after) {
  const { menu, data } = builder
  builder.after = after
  const hasOutput = builder.items.some(item => item.row.kind === "output")
  const kinds = Object.keys(data.kinds).filter(kind => kind !== "text" && !(kind === "output" && hasOutput))
  menu.replaceChildren(
    ...kinds.map(kind => {
      const button = make("button")
      button.type = "button"
      button.tabIndex = -1
      button.setAttribute("role", "menuitem")
      write(make("strong", "", button), kind)
      write(make("span", "", button), data.help[kind])
      button.onclick = () => {
        menu.hidePopover()
        add(builder, after, kind)
      }
      return button
    }),
  )
  menu.showPopover()
  const { bottom, top, right } = after.add.getBoundingClientRect()
  const { offsetWidth, offsetHeight } = menu
  const below = bottom + 4 + offsetHeight <= innerHeight
  menu.style.top = `${Math.max(4, below ? bottom + 4 : Math.min(top - 4 - offsetHeight, innerHeight - offsetHeight - 4))}px`
  menu.style.left = `${Math.max(4, Math.min(right - offsetWidth, innerWidth - offsetWidth - 4))}px`
  menu.firstChild.focus()
}

function walkMenu(menu, event) {
  const items = [...menu.children]
  const at = items.indexOf(menu.getRootNode().activeElement)
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1, Tab: null }
  if (!(event.key in steps)) return
  event.preventDefault()
  event.stopPropagation()
  if (event.key === "Tab") menu.hidePopover()
  else items.at(steps[event.key] % items.length).focus()
}

// What the rows come to

function show(builder) {
  const { data, items, foot } = builder
  const inputs = { name: "pixels", size: `${SIDE} × ${SIDE} × 1`, shape: [SIDE, SIDE, 1], field: [1, 14, 1] }
  tell(builder, builder.input, inputs, "")
  items.forEach((item, at) => tell(builder, item, data.numbers[at] ?? {}, data.errors[at] ?? ""))
  const cost = foot.querySelector(".cost")
  write(cost, data.error || data.cost)
  cost.classList.toggle("error", Boolean(data.error))
  write(foot.querySelector(".hint"), data.hint)
  const digit = builder.sees.querySelector(".digit")
  const image = `url("${data.image}")`
  if (digit.style.backgroundImage !== image) digit.style.backgroundImage = image
  const seen = [builder.input, ...items]
  if (!seen.includes(builder.active)) builder.active = null
  const seesPart = ({ told: { field } }) => field?.[0] > 1 && field[0] < SIDE
  const first = items.find(seesPart) ?? items.find(item => item.told.field)
  look(builder, builder.active ?? first ?? builder.input)
}

function tell(builder, item, told, error) {
  item.told = told
  write(item.size, told.size ?? "")
  write(item.name, told.name ?? "")
  set(item.element, "data-known", Boolean(told.size))
  set(item.element, "data-wrong", Boolean(error))
  write(item.error, error)
  if (item === builder.input) return draw(item)
  const shares = [
    [told.parameters, told.part, "parameters"],
    [told.multiplications, told.work, "multiplications"],
  ]
  shares.forEach(([count, share, words], at) => {
    const { bar, length, words: place } = item.bars[at]
    bar.hidden = !count
    length.style.width = `${100 * (share ?? 0)}%`
    write(place, count ? short(count) : "")
    if (count) set(bar, "title", `${count.toLocaleString("en")} ${words}, ${percent(share)} of all`)
  })
  draw(item)
}

function draw(item) {
  const { shape } = item.told
  const looks = `${shape ?? ""}`
  if (item.drawn === looks) return
  item.block.replaceChildren(...(shape ? [drawing(shape)] : []))
  item.drawn = looks
}

function short(count) {
  if (count < 10000) return count.toLocaleString("en")
  return count < 1e6 ? `${(count / 1e3).toFixed(count < 1e5 ? 1 : 0)}k` : `${(count / 1e6).toFixed(1)}M`
}

function percent(share) {
  return share > 0 && share < 0.01 ? "less than 1 %" : `${Math.round(100 * share)} %`
}

// A layer's output: its picture as wide as it is, a plate for every channel of a few, and units as a column of dots.
function drawing(shape) {
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("viewBox", "0 0 56 48")
  svg.setAttribute("aria-hidden", "true")
  const draw = (tag, values) => {
    const part = document.createElementNS(SVG, tag)
    for (const [name, value] of Object.entries(values)) part.setAttribute(name, value)
    svg.append(part)
  }
  if (shape.length === 3) {
    const plates = Math.min(7, 1 + Math.round(Math.log2(shape[2])))
    const side = 4 + (28 * shape[0]) / SIDE
    const depth = (plates - 1) * 2.4
    const [left, top] = [(56 - side - depth) / 2, (48 - side + depth) / 2]
    for (let at = plates - 1; at >= 0; at--) {
      draw("rect", { x: left + at * 2.4, y: top - at * 2.4, width: side, height: side, rx: 1 })
    }
  } else {
    const dots = Math.min(12, Math.max(1, Math.round(1.4 * Math.log2(shape[0]))))
    for (let at = 0; at < dots; at++) draw("circle", { cx: 28, cy: 24 + (at - (dots - 1) / 2) * 3.8, r: 1.6 })
  }
  return svg
}

function activate(builder, item) {
  builder.active = item
  look(builder, item)
}

// The square of the image that a unit sees.
function look(builder, item) {
  for (const each of [builder.input, ...builder.items]) each.element.classList.toggle("active", each === item)
  const { sees } = builder
  const field = item.told?.field
  sees.hidden = !field
  if (!field) return
  const [side, corner, step] = field
  const end = Math.min(SIDE, corner + side)
  const at = (selector, x, shown) => {
    const rect = sees.querySelector(selector)
    set(rect, "x", x)
    set(rect, "y", corner)
    set(rect, "width", Math.max(0, Math.min(SIDE, x + side) - x))
    set(rect, "height", end - corner)
    set(rect, "visibility", shown ? "visible" : "hidden")
  }
  at(".square", corner, true)
  at(".next", corner + step, step > 0 && item !== builder.input)
  const size = end - corner
  sees.querySelector(".dim").setAttribute("d", `M0 0H28V28H0Z M${corner} ${corner}h${size}v${size}h${-size}Z`)
  write(sees.querySelector("figcaption"), seen(builder, item, side, step))
}

function seen(builder, item, side, step) {
  if (item === builder.input) return "The image: 28 × 28 pixels, 0 is background."
  const { name } = item.told
  if (side === 1) return `${name}: each number is one pixel.`
  if (side >= SIDE) return `${name}: each unit sees the whole image.`
  const apart = step === 1 ? "1 pixel" : `${step} pixels`
  return `${name}: each unit sees ${side}\u00a0×\u00a0${side} pixels, the next unit those ${apart} further on.`
}
