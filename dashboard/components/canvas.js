// Hides the toolbar of streamlit-drawable-canvas: it lies, unseen, over the top right corner, where a finger that begins
// a stroke would press one of its buttons. Undo and Clear are below the canvas.

const hidden = new CSSStyleSheet()
hidden.replaceSync(".dc-toolbar { display: none !important }")
const PATIENCE = 600 // frames

export default function ({ data }) {
  hideToolbar(data.canvas, PATIENCE)
}

function hideToolbar(key, frames) {
  const hosts = [...document.querySelectorAll(`.st-key-${key} *`)].filter(element => element.shadowRoot)
  for (const { shadowRoot } of hosts) {
    if (!shadowRoot.adoptedStyleSheets.includes(hidden)) shadowRoot.adoptedStyleSheets.push(hidden)
  }
  if (!hosts.length && frames) requestAnimationFrame(() => hideToolbar(key, frames - 1))
}
