const SAID = 2000 // milliseconds

export default function ({ data, parentElement }) {
  let button = parentElement.querySelector("button")
  if (!button) {
    button = document.createElement("button")
    button.type = "button"
    button.setAttribute("aria-live", "polite")
    parentElement.append(button)
  }
  if (!button.dataset.said) button.textContent = data.label
  button.onclick = async () => {
    button.textContent = (await copied(data.text)) ? "Copied" : data.text
    button.dataset.said = "yes"
    setTimeout(() => {
      delete button.dataset.said
      button.textContent = data.label
    }, SAID)
  }
}

// Over plain http from another machine, browsers give no clipboard: there the old way works.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement("textarea")
    field.value = text
    document.body.append(field)
    field.select()
    const done = document.execCommand("copy")
    field.remove()
    return done
  }
}
