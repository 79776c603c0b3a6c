"""A browser session without a browser: it speaks Streamlit's protocol, so twenty of them cost little.

It acts like Streamlit's frontend: it opens a page, remembers the widgets' values and the address, sends changes of
widgets, and runs fragments that repeat.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Iterable
from urllib.parse import urlencode

from PIL import Image, ImageDraw
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

CANVAS, GALLERY = "streamlit_drawable_canvas", "digitlab_gallery"
KINDS = ("selectbox", "multiselect", "slider", "number_input", "checkbox", "button_group", "radio", "pagination")
PATIENCE = 120  # seconds


class PageError(Exception):
    """The page showed an exception, whose message this has."""


class Session:
    """One session on one page of a served app.

    Args:
        url: where the app is, `http://127.0.0.1:8501`.
        page: the page's name in the address; "" is the first one.
        query: the rest of the address.
        cookie: what the browser keeps, as in a request's header.
    """

    def __init__(self, url: str, page: str = "", query: dict[str, str] | None = None, cookie: str = "") -> None:
        self.page, self.query = page, urlencode(query or {})
        self.elements: dict[str, tuple[str, object]] = {}  # what can be touched: its kind and its message, by its id
        self.buttons: dict[str, str] = {}  # the labels of those that can be pressed, by their ids
        self._states: dict[str, WidgetState] = {}
        self._timers: dict[str, tuple[float, float]] = {}  # of fragments: seconds between two runs, when the next is
        self._error = ""
        self._done = threading.Event()
        self._started, self._finished = False, 0.0
        self._socket = connect(
            url.replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=["streamlit"],
            additional_headers={"Cookie": cookie} if cookie else None,
            max_size=None,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Close the connection, like closing the tab."""
        self._socket.close()
        self._reader.join()

    def run(self, state: WidgetState | None = None) -> float:
        """Run the page, with a changed widget or without; returns the seconds until the server has finished.

        Raises:
            PageError: where the page shows an exception.
        """
        if state is not None:
            self._states[state.id] = state
        self._done.clear()
        self._started = False
        began = time.perf_counter()
        self._send()
        if state is not None and state.WhichOneof("value") in ("json_trigger_value", "trigger_value"):
            del self._states[state.id]  # it is said once
        if not self._done.wait(PATIENCE):
            raise PageError(f"The page {self.page or 'Train'} did not end within {PATIENCE} s.")
        if self._error:
            raise PageError(f"The page {self.page or 'Train'}: {self._error}")
        return self._finished - began

    def touch(self, element_id: str, turn: int) -> float:
        """Give a widget its next value for this `turn` and run the page; returns the seconds."""
        return self.run(_touched(element_id, *self.elements[element_id], turn))

    def press(self, button_id: str) -> float:
        """Press a button, which need not be on the page, and run the page; returns the seconds."""
        return self.run(WidgetState(id=button_id, trigger_value=True))

    def touchable(self, left_alone: Iterable[str]) -> list[str]:
        """The ids of the widgets on the page, without those with one of these labels."""
        return [
            element_id
            for element_id, (kind, element) in self.elements.items()
            if (kind in KINDS and getattr(element, "label", "") not in left_alone)
            or (kind == "text_input" and element.label == "Image")
            or (kind == "bidi_component" and (CANVAS in element.component_name or _choices(element)))
        ]

    def _send(self, fragment: str = "") -> None:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_name = self.query, self.page
        rerun.widget_states.widgets.extend(list(self._states.values()))
        rerun.fragment_id, rerun.is_auto_rerun = fragment, bool(fragment)
        rerun.context_info.url = "http://127.0.0.1/" + self.page
        self._socket.send(message.SerializeToString())

    def _read(self) -> None:
        try:
            while True:
                due = min((at for _, at in self._timers.values()), default=float("inf"))
                wait = None if due == float("inf") else max(0.0, due - time.monotonic())
                try:
                    data = self._socket.recv(timeout=wait)
                except TimeoutError:
                    self._run_fragments()
                else:
                    self._take(ForwardMsg.FromString(data), time.perf_counter())
        except ConnectionClosed:
            self._error = self._error or "the connection was closed"
            self._done.set()

    def _run_fragments(self) -> None:
        now = time.monotonic()
        for fragment, (seconds, at) in list(self._timers.items()):
            if at <= now:
                self._timers[fragment] = seconds, now + seconds
                self._send(fragment)

    def _take(self, message: ForwardMsg, now: float) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._take_delta(message.delta)
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._started = True
            self.elements.clear()
            self.buttons.clear()
            self._timers.clear()
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            seconds = message.auto_rerun.interval
            self._timers[message.auto_rerun.fragment_id] = seconds, time.monotonic() + seconds
        elif kind == "script_finished":
            whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            if whole and self._started:  # not a fragment's end, nor that of the run before
                self._finished = now
                self._done.set()

    def _take_delta(self, delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, kind) if kind else None
        if kind == "button" and not element.disabled:
            self.buttons[element.id] = element.label
        if kind == "exception":
            self._error = f"{element.type}: {element.message}"
        elif kind in (*KINDS, "text_input", "bidi_component") and not getattr(element, "disabled", False):
            self.elements[element.id] = kind, element
            if getattr(element, "set_value", False):  # the page gave it a value, so the touch before is over
                self._states.pop(element.id, None)
                if (state := _given(kind, element)) is not None:
                    self._states[element.id] = state


def _touched(element_id: str, kind: str, element, turn: int) -> WidgetState:
    """The state of a widget after its `turn`-th touch."""
    state = WidgetState(id=element_id)
    if kind == "bidi_component" and CANVAS in element.component_name:
        state.json_value = json.dumps({"drawing": _strokes(turn)})
    elif kind == "bidi_component":
        choices = _choices(element)
        state.id = f"$$STREAMLIT_INTERNAL_KEY_{element_id}__events"
        state.json_trigger_value = json.dumps([{"event": "chosen", "value": choices[turn % len(choices)]}])
    elif kind == "selectbox" or kind == "radio":
        state.string_value = element.options[turn % len(element.options)]
    elif kind == "multiselect":
        state.string_array_value.data.extend(element.options[: 1 + turn % len(element.options)])
    elif kind == "button_group":
        option = element.options[turn % len(element.options)]
        state.string_array_value.data.append(" ".join(filter(None, (option.content_icon, option.content))))
    elif kind == "checkbox":
        state.bool_value = bool(turn % 2)
    elif kind == "pagination":
        state.int_value = 1 + turn % element.num_pages
    elif kind == "number_input":
        state.double_value = min(element.max, element.min + turn % 10 * element.step)
    elif kind == "slider" and element.options:
        state.string_array_value.data.append(element.options[turn % len(element.options)])
    elif kind == "slider":
        least = element.min + turn % 10 * (element.max - element.min) // 20
        state.double_array_value.data.extend([least, element.max][-len(element.default) :] if turn % 2 else [least])
    elif kind == "text_input":
        state.string_value = str(37 * turn)
    return state


def _given(kind: str, element) -> WidgetState | None:
    """The state of a widget to which the page itself gave a value."""
    state = WidgetState(id=element.id)
    if kind in ("selectbox", "radio"):
        if not element.HasField("raw_value"):
            return None
        state.string_value = element.raw_value
    elif kind == "number_input":
        state.double_value = element.value
    elif kind == "checkbox":
        state.bool_value = element.value
    elif kind == "pagination":
        state.int_value = element.value
    elif kind == "text_input":
        state.string_value = element.value
    elif kind == "slider":
        if element.options:
            state.string_array_value.data.extend(element.raw_value)
        else:
            state.double_array_value.data.extend(element.value)
    else:
        state.string_array_value.data.extend(element.raw_values)
    return state


def _choices(component) -> list[int]:
    """The images that can be chosen in a gallery; none for another component."""
    if component.component_name != GALLERY:
        return []
    data = json.loads(component.json or component.mixed.json)
    return [tile["index"] for tile in data["tiles"]] if data["selectable"] else []


def _strokes(count: int) -> dict:
    """What the canvas sends after so many strokes of a pen: its objects, and its pixels as a PNG."""
    picture = Image.new("RGB", (308, 308))
    ends = [((80 + 17 * stroke % 150, 60), (90 + 29 * stroke % 140, 250)) for stroke in range(count)]
    for line in ends:
        ImageDraw.Draw(picture).line(line, fill="white", width=20)
    file = io.BytesIO()
    picture.save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"raw": {"objects": [{"type": "path", "path": line} for line in ends]}, "data": url}
