"""A run's weights after each epoch that is kept, and what the page says where there are none."""

from __future__ import annotations

import streamlit as st

from core.evaluation.predictions import NEWEST
from core.interpretability.inside import Inside, load_inside, only_newest, weight_epochs, why_not
from core.runs import RunView
from core.runs.kept import until_folder_changes
from core.runs.weights import weights_path
from dashboard.components.predictions.time_machine import choose_moment
from dashboard.components.run_picker import run_label
from dashboard.components.session import TRAIN_PAGE, open_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.whose import listed

SECONDS = 2  # between two looks at whether there are newer weights


def choose_weights(run: RunView) -> Inside | None:
    """Choose the epoch, and return the network as it was after it; None where there are no weights, which is said."""
    epochs = weight_epochs(run)
    newest = load_inside(run) or (load_inside(run, epochs[-1]) if epochs else None)
    moments = {**{str(epoch): epoch for epoch in epochs[:-1]}, NEWEST: None}
    epoch = None
    if newest is not None:
        with st.container(
            key="inside_moment" if run.state.is_active or epochs else None
        ):  # keeps its place until there is an epoch to go back to
            epoch = choose_moment(
                moments,
                on_change=lambda: None,
                help="Shows the network as it was after this epoch. Epoch 0 is before it learned anything.",
            )
            if not epochs:
                st.caption(only_newest(run))
            elif len(moments) < 2:
                st.caption("The network before it learned anything. Its epochs follow here as they are trained.")
    if run.state.is_active:
        _watch(run, epochs)
    if newest is None:
        _say_what_is_missing(run)
        return None
    if epoch is None:
        return newest
    found = load_inside(run, epoch)
    if found is None:
        st.warning(f"The weights after epoch {epoch} are missing or damaged. These are the newest.")
    return found or newest


@st.fragment(run_every=SECONDS)
def _watch(run: RunView, known: list[int]) -> None:
    """Run the page again when the run, which still trains, has new weights or has ended."""
    if weight_epochs(run) != known or not run.state.is_active:
        st.rerun()


@until_folder_changes
def _keeps_weights(run: RunView) -> bool:
    return weights_path(run) is not None


def _say_what_is_missing(run: RunView) -> None:
    st.info(escape_markdown(why_not(run)), icon=":material/info:")
    if run.state.is_active:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        others = (each for each in listed(store().runs()) if each.id != run.id and _keeps_weights(each))
        other = next(filter(load_inside, others), None)
        if other is not None:
            words = f"Show {escape_markdown(run_label(other))}"
            st.button(words, key="show_instead", on_click=open_run, args=(other.id,), icon=":material/swap_horiz:")
        st.page_link(TRAIN_PAGE, label="Train a network", icon=":material/model_training:")
