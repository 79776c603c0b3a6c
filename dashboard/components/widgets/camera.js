// Tells the page whether this browser will give it a camera, and why not, in one word: st.camera_input says the same of all.

const asked = new WeakMap()

export default function ({ parentElement, setStateValue }) {
  if (asked.has(parentElement)) return
  const listening = new AbortController()
  asked.set(parentElement, listening)
  watch(word => setStateValue("camera", word), listening.signal)
  return () => {
    listening.abort()
    asked.delete(parentElement)
  }
}

async function watch(tell, signal) {
  const devices = navigator.mediaDevices
  if (!window.isSecureContext || !devices) return tell("insecure")
  const permission = await navigator.permissions?.query({ name: "camera" }).catch(() => null) // Firefox knows none of it
  const look = async () => {
    const cameras = (await devices.enumerateDevices()).filter(device => device.kind === "videoinput")
    if (!signal.aborted) tell(permission?.state === "denied" ? "refused" : cameras.length ? "there" : "none")
  }
  permission?.addEventListener("change", look, { signal })
  devices.addEventListener("devicechange", look, { signal })
  look()
}
