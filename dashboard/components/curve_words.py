"""What learning curves say: in words above them on Train, and a line for each run on Compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.evaluation.learning_words import TROUBLE, run_findings
from core.runs import RunView
from dashboard.components.learn.glossary import MOST_WORDS, linked
from dashboard.components.text import escape_markdown

MOST_LINES = 4  # of runs, in sight at once
NOTHING_YET = "What the curves show is said here after a few epochs."
NOTHING_UNUSUAL = "The curves show nothing unusual."


def show_words(run: RunView) -> None:
    """Show what the curves of a run say, in a place that is there before they say anything."""
    words = " ".join(finding.sentence for finding in run_findings(run))
    if words and run.state.is_active:  # beside numbers of the epoch that is not complete yet
        words = f"After epoch {len(run.history().epochs)}: {words}"
    with st.container(key="curve_words"):
        if words:
            st.markdown(linked(escape_markdown(words), MOST_WORDS))
        elif run.state.is_active or run.history().epochs:
            st.caption(NOTHING_UNUSUAL if len(run.history().epochs) > 1 else NOTHING_YET)


def words_of_each(runs: Sequence[RunView], names: Mapping[str, str]) -> list[str]:
    """A line for each thing worth a look that curves show, with the names of its runs; what matters most first."""
    who = {}  # the names of the runs, by the place in `TROUBLE` of what their curves say, and by that
    for run in runs:
        first, *others = run_findings(run) or [None]
        if first is not None and first.kind in TROUBLE:
            said = [first.sentence, *(other.sentence for other in others if other.kind == first.kind)]  # and its cause
            who.setdefault((TROUBLE.index(first.kind), " ".join(said)), []).append(names[run.id])
    return [
        f"- **{escape_markdown(_together(of, len(runs)))}**: {escape_markdown(said)}"
        for (_, said), of in sorted(who.items(), key=lambda told: told[0][0])
    ]


def _together(names: list[str], count: int) -> str:
    """Names as words, of `count` runs."""
    return f"All {count}" if 1 < len(names) == count else ", ".join(names)


def show_words_of_each(runs: Sequence[RunView], names: Mapping[str, str]) -> None:
    """Show the lines of `words_of_each`, those after the first behind a click."""
    told = words_of_each(runs, names)
    at_once = told if len(told) <= MOST_LINES + 1 else told[:MOST_LINES]
    if told:
        st.markdown(linked("\n".join(at_once), MOST_WORDS))
    if further := told[len(at_once) :]:
        with st.expander(f"{len(further)} more", type="compact"):
            st.markdown("\n".join(further))
