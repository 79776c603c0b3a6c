"""Why a run did not end as planned, and why queued runs are not started."""

from __future__ import annotations

import streamlit as st

from core.people import may_change
from core.runs import Run
from dashboard.components.damage import show_damage
from dashboard.components.formatting import STATE_ICONS
from dashboard.components.session import launcher
from dashboard.components.text import escape_markdown
from dashboard.components.train.run_controls import starts_again

WATCH_SECONDS = 1.0


def show_problems(run: Run) -> None:
    """Show why a run did not end as planned, the last lines of its log, and its damaged files."""
    state = run.state
    words, _, printed = state.message.partition("\n\n")
    if state.name == "failed" or (state.name == "damaged" and not run.damage()):  # which is said below
        st.error(escape_markdown(words), icon=STATE_ICONS[state.name])
    elif state.name == "interrupted":
        label = "Start again" if starts_again(run) else "Resume"
        effect = "begins at epoch 1" if run.checkpoint_flaw else "continues from the last checkpoint"
        then = f" {label} {effect}." if may_change(run.owner) else ""
        st.warning(escape_markdown(words) + then, icon=STATE_ICONS[state.name])
    elif words and state.name not in ("finished", "stopped") and not state.is_by_teacher and not run.too_new:
        st.caption(escape_markdown(words))
    show_damage(run)
    log = printed or (run.log_tail() if state.name in ("failed", "interrupted") else "")
    if log:
        with st.expander("Last lines of the log"):
            st.code(log, language=None)
    if state.name == "queued":
        show_launcher_problem()


@st.fragment(run_every=WATCH_SECONDS)
def show_launcher_problem() -> None:
    """Say why queued runs are not started, as long as that lasts."""
    words, _, printed = launcher().problem.partition("\n\n")
    if not words:
        return
    st.error(escape_markdown(words), icon=":material/power_off:")
    if printed:
        with st.expander("Output of the worker"):
            st.code(printed, language=None)
