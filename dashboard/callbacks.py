"""Callbacks of widgets run to their end, whatever else is clicked or typed meanwhile."""

from __future__ import annotations

from functools import cache

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequest, ScriptRequests


@cache
def let_callbacks_finish() -> None:
    """Have Streamlit take up what comes while callbacks run when they have ended, once for the process.

    It would break them off at their next access to the session's state: a text was kept and its field did not know, so
    that another came in its place and what was typed into it was lost; a click on Start came to nothing.
    """
    take_up = ScriptRequests.on_scriptrunner_yield

    def take_up_later(requests: ScriptRequests) -> ScriptRequest | None:
        return None if _callbacks_run() else take_up(requests)

    ScriptRequests.on_scriptrunner_yield = take_up_later


def _callbacks_run() -> bool:
    """Whether callbacks run in this thread: then Streamlit's state has what came with the click that they belong to."""
    context = get_script_run_ctx(suppress_warning=True)
    state = getattr(context and context.session_state, "_state", None)
    return getattr(state, "_current_interaction_widget_states", None) is not None
