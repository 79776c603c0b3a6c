"""Train: choose a network and its epochs in the sidebar, start, watch, and see what came of it."""

import streamlit as st

from core.config import MODELS, ConfigError, TrainingConfig
from core.runs import ENDED, Run
from core.storage import read_json
from dashboard.components import progress, results, shared
from dashboard.components.attempts import attempt, note_failure, say_what_failed
from dashboard.components.bundle import import_note, show_import
from dashboard.components.fine_tuning import fine_tuning_report
from dashboard.components.run_controls import show_controls, show_ways_on
from dashboard.components.settings import settings_now
from dashboard.components.settings_form import training_settings
from dashboard.components.shared import STATE_ICONS, choose_any_run, dataset, dataset_note, open_run, store


def start() -> None:
    """Put a run with the settings as they are now into the queue, or say which of them is not possible."""
    try:
        config = settings_now()
    except ConfigError as error:
        note_failure(str(error))
    else:
        attempt(begin, config)


def begin(config: TrainingConfig) -> None:
    """Put a new run into the queue and show it."""
    open_run(store().create(config).id)


# The sidebar


def sidebar() -> Run | None:
    """Settings, the start button and the choice of run; returns the run to show."""
    with st.sidebar:
        in_the_way = training_settings()
        st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            key="start",
            on_click=start,
            disabled=bool(in_the_way),
        )
        if in_the_way:
            st.caption(f"To start, correct: {in_the_way}.")
    return choose_any_run("Run on this page")


# What is shown of a run


def header(run: Run) -> None:
    """Name, state and settings in one line, with rename and delete at hand."""
    state, config = run.state, run.config
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(run.name, width="stretch", anchor=False)
        with st.popover("Manage", icon=":material/more_horiz:"):
            st.text_input("Name", run.name, max_chars=60, key=f"name_{run.id}", on_change=take_name, args=(run,))
            st.button("Delete this run", icon=":material/delete:", key="delete", on_click=ask_to_delete, args=(run,))
    if config is None:
        st.markdown(f"{STATE_ICONS[state.name]} **{state.name.capitalize()}**")
        return
    st.markdown(f"{STATE_ICONS[state.name]} **{state.name.capitalize()}** · {results.settings_in_words(config)}")


def take_name(run: Run) -> None:
    """Rename to what was typed."""
    attempt(run.rename, st.session_state[f"name_{run.id}"])


def ask_to_delete(run: Run) -> None:
    """Remember that the question is to be asked: a dialog cannot open inside a callback."""
    st.session_state["to_delete"] = run.id


def forget_question() -> None:
    """The question was answered, or put away."""
    st.session_state.pop("to_delete", None)


@st.dialog("Delete this run?", on_dismiss=forget_question)
def delete_dialog(run: Run) -> None:
    """Ask before a run is deleted."""
    st.write(f"**{run.name}** with its model, its history and its predictions will be gone for good.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it"):
            forget_question()
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="really_delete"):
            attempt(store().delete, run)
            forget_question()
            st.query_params.pop("run", None)
            st.session_state.pop("run", None)
            st.rerun()


def trouble(run: Run) -> None:
    """Why a run did not end as planned, with the last lines of its log."""
    state = run.state
    if state.name in ("failed", "damaged"):
        st.error(state.message, icon=STATE_ICONS[state.name])
    elif state.name == "interrupted":
        st.warning(
            "The worker ended without a word: it was killed, the memory ran out or the power went. "
            "Nothing up to the last checkpoint is lost; Resume goes on from there.",
            icon=STATE_ICONS[state.name],
        )
    elif state.message:
        st.caption(state.message)
    if state.name in ("failed", "interrupted") and run.log_tail():
        with st.expander("Last lines of its log"):
            st.code(run.log_tail(), language=None)


def show(run: Run) -> None:
    """The run: live while it is active, its results afterwards."""
    header(run)
    trouble(run)
    state = run.state
    if state.is_active:
        show_controls(run)
        progress.live(run, state.name)
    elif state.name in ENDED:
        results.headline(run)
        fine_tuning_report(run)
        import_note(run)
        show_ways_on(run)
        results.details(run, dataset())
        progress.watch(run, state.name)


def all_runs(shown: Run) -> None:
    """Every run with its state and accuracy; choosing one opens it above."""
    runs = store().runs()
    if len(runs) < 2:
        return
    st.subheader("All runs", anchor=False)

    def open_chosen() -> None:
        rows = st.session_state["runs_table"].selection.rows
        if rows and rows[0] < len(runs):
            open_run(runs[rows[0]].id)

    st.dataframe(
        results.runs_table(runs, shown),
        hide_index=True,
        key="runs_table",
        on_select=open_chosen,
        selection_mode="single-row",
        height="content" if len(runs) < 12 else 420,
    )


def empty() -> None:
    """What this is, before the first run."""
    st.header("Train a network to read handwritten digits", anchor=False)
    st.write(
        "Digit Lab trains one small neural network on pictures of handwritten digits while you watch. Afterwards you "
        "can look at every mistake it makes, and draw digits for it to read."
    )
    config = TrainingConfig()
    st.button(
        f"Train the classic network for {config.epochs} epochs",
        type="primary",
        icon=":material/play_arrow:",
        key="start_classic",
        on_click=attempt,
        args=(begin, config),
    )
    show_import(dataset())
    results.sample_digits(dataset())
    built = (store().home / "architectures.json").exists()
    st.fragment(networks, run_every=None if built else 1.0)(polls=not built)


def networks(polls: bool) -> None:
    """The networks with their layers, as soon as a worker has built them; then it no longer `polls`."""
    known = read_json(store().home / "architectures.json")
    if polls and known:
        st.rerun()
    st.subheader("Networks to choose from", anchor=False)
    if not isinstance(known, dict):
        st.caption("Their layers appear here when TensorFlow has started, in a few seconds.")
        return
    with st.grid(2, min_column_width=320):
        for name, info in MODELS.items():
            results.architecture_card(info, known.get(name, []))


# The page

found = dataset()
run = sidebar()
dataset_note(found)
shared.older_runs_note()
say_what_failed()
if run is None:
    empty()
else:
    show(run)
    all_runs(run)
    show_import(found)
if doomed := store().get(st.session_state.get("to_delete")):
    delete_dialog(doomed)
