// A text field (typed_field.js) as high as its text.
export default function (component) {
  const field = typedField(component, build, show)
  field.send = text =>
    component.setStateValue("network", { text, name: field.data.name, version: field.data.version, at: Date.now() })
  field.box.maxLength = component.data.most
  field.box.title = component.data.help
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
  let width = 0
  const watch = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return
    width = contentRect.width
    grow(box)
  })
  watch.observe(root)
  return { root, box, watch }
}

function show({ box }, text) {
  if (box.value !== text) box.value = text
  grow(box)
}

function grow(box) {
  box.style.height = "auto"
  box.style.height = `${box.scrollHeight + 2}px` // with its border
}
