// A field that sends what is typed into it after a short pause, and shows a text that was changed elsewhere.
const fields = new WeakMap()
const TYPING_PAUSE = 250 // milliseconds, after which what is typed reaches the page

// The field in a component's element: `build` makes its `root` and its `box`, `show` puts a text into it.
function typedField({ data, parentElement }, build, show) {
  let field = fields.get(parentElement)
  if (field?.root.parentNode !== parentElement) {
    field = { sent: "", waiting: 0, data: null, ...build(parentElement) }
    fields.set(parentElement, field)
    listen(field, show)
  }
  const changedElsewhere = field.data?.version !== data.version
  field.data = data
  if (changedElsewhere && data.text !== field.sent) { // else it is what was typed here, and typing may go on
    clearTimeout(field.waiting)
    field.sent = data.text
    show(field, data.text)
  }
  field.box.setAttribute("aria-invalid", String(data.wrong && field.box.value === data.text))
  return field
}

function listen(field, show) {
  const { box } = field
  box.oninput = () => {
    show(field, box.value)
    clearTimeout(field.waiting)
    field.waiting = setTimeout(() => tell(field), TYPING_PAUSE)
  }
  box.onblur = () => tell(field) // before the click that takes the focus away
  box.onkeydown = event => {
    const ends = box.matches("input") || event.ctrlKey || event.metaKey // else Enter is a new line
    if (event.key === "Enter" && ends) tell(field)
  }
}

function tell(field) {
  clearTimeout(field.waiting)
  if (field.box.value === field.sent) return
  field.sent = field.box.value
  field.send(field.sent)
}
