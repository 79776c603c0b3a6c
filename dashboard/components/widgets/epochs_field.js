// A slider and a text field that are one thing: what one of them is told, the other shows at once.
const fields = new WeakMap()
const TYPING_PAUSE = 250 // milliseconds, after which what is typed reaches the page

export default function (component) {
  const { data, parentElement } = component
  let field = fields.get(parentElement)
  if (field?.root.parentNode !== parentElement) {
    field = build(parentElement)
    fields.set(parentElement, field)
  }
  field.send = text => component.setStateValue("epochs", { text, version: field.data.version })
  const changedElsewhere = field.data?.version !== data.version
  field.data = data
  field.range.min = data.low
  field.range.max = data.high
  if (changedElsewhere && data.text !== field.sent) { // else it is what was typed here, and typing may go on
    clearTimeout(field.waiting)
    field.sent = data.text
    show(field, data.text)
  }
  field.box.setAttribute("aria-invalid", String(data.wrong && field.box.value === data.text))
}

function build(parent) {
  const root = document.createElement("div")
  root.className = "epochs"
  root.innerHTML = `
    <label for="range">Epochs</label>
    <input id="range" type="range" aria-label="Epochs">
    <input id="box" type="text" inputmode="numeric" autocomplete="off" maxlength="40" aria-label="Epochs as a number">`
  parent.append(root)
  const [range, box] = root.querySelectorAll("input")
  const field = { root, range, box, sent: "", waiting: 0, data: null }
  range.oninput = () => show(field, range.value)
  range.onchange = () => tell(field)
  box.oninput = () => {
    show(field, box.value)
    clearTimeout(field.waiting)
    field.waiting = setTimeout(() => tell(field), TYPING_PAUSE)
  }
  box.onblur = () => tell(field) // before the click that takes the focus away
  box.onkeydown = event => {
    if (event.key === "Enter") tell(field)
  }
  return field
}

function show(field, text) {
  const { range, box } = field
  if (box.value !== text) box.value = text
  if (/^\s*[+-]?\d+\s*$/.test(text)) range.value = text // the browser keeps it within its limits
  const share = (range.value - range.min) / (range.max - range.min || 1)
  range.style.setProperty("--done", `${100 * share}%`)
}

function tell(field) {
  clearTimeout(field.waiting)
  if (field.box.value === field.sent) return
  field.sent = field.box.value
  field.send(field.sent)
}
