// A slider and a text field (typed_field.js) that are one thing: what one of them is told, the other shows at once.
export default function (component) {
  const field = typedField(component, build, show)
  const { range } = field
  field.send = text => component.setStateValue("epochs", { text, version: field.data.version })
  range.oninput = () => show(field, range.value)
  range.onchange = () => tell(field)
}

function build(parent) {
  const root = document.createElement("div")
  root.className = "epochs"
  root.innerHTML = `
    <input type="range" aria-label="Epochs">
    <input type="text" inputmode="numeric" autocomplete="off" maxlength="40" aria-label="Epochs as a number">`
  parent.append(root)
  const [range, box] = root.querySelectorAll("input")
  return { root, range, box }
}

function show({ range, box, data }, text) {
  range.min = data.low
  range.max = data.high
  if (box.value !== text) box.value = text
  if (/^\s*[+-]?\d+\s*$/.test(text)) range.value = text // the browser keeps it within its limits
  const share = (range.value - range.min) / (range.max - range.min || 1)
  range.style.setProperty("--done", `${100 * share}%`)
}
