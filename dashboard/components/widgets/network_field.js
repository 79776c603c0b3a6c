// A text field as high as its text, which sends what is typed after a short pause.
const fields = new WeakMap()
const TYPING_PAUSE = 250 // milliseconds, after which what is typed reaches the page

export default function (component) {
  const { data, parentElement } = component
  let field = fields.get(parentElement)
  if (field?.root.parentNode !== parentElement) {
    field = build(parentElement)
    fields.set(parentElement, field)
  }
  field.send = text =>
    component.setStateValue("network", { text, name: field.data.name, version: field.data.version, at: Date.now() })
  const changedElsewhere = field.data?.version !== data.version
  field.data = data
  field.box.maxLength = data.most
  field.box.title = data.help
  if (changedElsewhere && data.text !== field.sent) { // else it is what was typed here, and typing may go on
    clearTimeout(field.waiting)
    field.sent = data.text
    if (field.box.value !== data.text) field.box.value = data.text
    grow(field)
  }
  field.box.setAttribute("aria-invalid", String(data.wrong && field.box.value === data.text))
  return () => field.watch.disconnect()
}

function build(parent) {
  const root = document.createElement("div")
  root.className = "network"
  root.innerHTML = `
    <label for="box">Layers</label>
    <textarea id="box" rows="2" autocomplete="off" autocapitalize="off" spellcheck="false" translate="no"></textarea>`
  parent.append(root)
  const box = root.querySelector("textarea")
  const field = { root, box, sent: "", waiting: 0, data: null }
  box.oninput = () => {
    grow(field)
    clearTimeout(field.waiting)
    field.waiting = setTimeout(() => tell(field), TYPING_PAUSE)
  }
  box.onblur = () => tell(field) // before the click that takes the focus away
  box.onkeydown = event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) tell(field)
  }
  let width = 0
  field.watch = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return
    width = contentRect.width
    grow(field)
  })
  field.watch.observe(root)
  return field
}

function grow({ box }) {
  box.style.height = "auto"
  box.style.height = `${box.scrollHeight + 2}px` // with its border
}

function tell(field) {
  clearTimeout(field.waiting)
  if (field.box.value === field.sent) return
  field.sent = field.box.value
  field.send(field.sent)
}
