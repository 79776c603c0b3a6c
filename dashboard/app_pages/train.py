"""Train: choose a network and its epochs in the sidebar, start, watch, and see what came of it."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from core.config import MODELS, ConfigError, TrainingConfig
from core.run_files import read_architectures
from core.runs import ENDED, Run
from dashboard.components import progress, results
from dashboard.components.attempts import attempt, say_what_failed
from dashboard.components.bundle import import_note, show_import
from dashboard.components.fields import follow, number_text, say_refused, say_understood
from dashboard.components.fine_tuning import fine_tuning_report
from dashboard.components.settings import settings_now, training_settings, understand
from dashboard.components.shared import STATE_ICONS, choose_any_run, dataset, dataset_note, open_run, store
from dashboard.components.trouble import show_launcher_trouble, show_trouble

DRAW_PAGE = "app_pages/draw.py"
PREDICTIONS_PAGE = "app_pages/predictions.py"


def start() -> None:
    """Put a run with the settings as they are now into the queue; what is wrong with one is said at its field."""
    with suppress(ConfigError):
        attempt(begin, settings_now())


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


def controls(run: Run) -> None:
    """Pause, stop and learning rate of a run that trains or waits."""
    waits = run.state.name == "queued"
    with st.container(horizontal=True, vertical_alignment="center"):
        action_button("Pause", run, run.pause, icon=":material/pause:")
        if not waits:
            action_button(
                "Stop and keep",
                run,
                run.stop,
                icon=":material/stop:",
                help="End here; the model as it is now is exported and can be used.",
            )
            with st.popover("Learning rate", icon=":material/speed:"):
                learning_rate_input(run, "It takes effect with the next batches.")


def action_button(label: str, run: Run, action: Callable, *arguments: object, **look: object) -> None:
    """A button that does something to this run, and to no other that may stand on the page a moment later."""
    key = f"{label.split()[0].lower()}_{run.id}"
    st.button(label, key=key, on_click=attempt, args=(action, *arguments), **look)


def learning_rate_input(run: Run, help: str) -> None:
    """The learning rate of a run, changed while it trains or before it goes on."""
    key = f"rate_{run.id}"
    follow(key, number_text(rate_in_force(run)))
    st.text_input("Learning rate", key=key, max_chars=40, help=help, on_change=attempt, args=(take_rate, run))
    try:
        say_understood(st.session_state[key], number_text(understand("learning_rate", st.session_state[key])))
    except ConfigError as error:
        say_refused(str(error))


def rate_in_force(run: Run) -> float:
    """The learning rate that was asked for last, and before that the one of its settings."""
    return run.control.get("learning_rate") or run.config.learning_rate


def take_rate(run: Run) -> None:
    """Ask for the learning rate that stands in the field."""
    rate = understand("learning_rate", st.session_state[f"rate_{run.id}"])
    if rate != rate_in_force(run):
        run.ask(learning_rate=rate)


def train_more(run: Run) -> None:
    """Train as many epochs more as the field says, at the learning rate that the other one says."""
    epochs = understand("epochs", st.session_state[f"more_epochs_{run.id}"])
    take_rate(run)
    run.extend(epochs)


def more_epochs_input(run: Run) -> None:
    """How many epochs more."""
    key = f"more_epochs_{run.id}"
    text = st.text_input("More epochs", "5", 40, key, help="1 to 200, after those that are complete.")
    try:
        say_understood(text, str(understand("epochs", text)))
    except ConfigError as error:
        say_refused(str(error))


def going_on(run: Run) -> None:
    """Resume and train more, for a run that ended."""
    state = run.state
    unfinished = state.name == "interrupted" or (  # even after the last epoch: its model is not kept yet
        state.name != "finished" and len(run.history().epochs) < state.target_epochs
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if unfinished and not run.imported:
            action_button("Resume", run, run.resume, icon=":material/resume:", type="primary")
        if run.has_model:
            st.page_link(PREDICTIONS_PAGE, label="See its mistakes", icon=":material/grid_view:")
            st.page_link(DRAW_PAGE, label="Draw a digit for it", icon=":material/draw:")
        if not run.imported:
            with st.popover("Train more", icon=":material/add:"):
                more_epochs_input(run)
                learning_rate_input(run, "From here on; the epochs so far stay as they are.")
                action_button("Continue training", run, train_more, run, type="primary")


def show(run: Run) -> None:
    """The run: live while it is active, its results afterwards."""
    header(run)
    show_trouble(run)
    state = run.state
    if state.is_active:
        controls(run)
        progress.live(run, state.name)
    elif state.name in ENDED:
        results.headline(run)
        fine_tuning_report(run)
        import_note(run)
        going_on(run)
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
    known = read_architectures(store().home)
    if polls and known:
        st.rerun()
    st.subheader("Networks to choose from", anchor=False)
    if not known:
        st.caption("Their layers appear here when TensorFlow has started.")
        show_launcher_trouble()
        return
    with st.grid(2, min_column_width=320):
        for name, info in MODELS.items():
            results.architecture_card(info, known.get(name, []))


# The page

found = dataset()
run = sidebar()
dataset_note(found)
say_what_failed()
if run is None:
    empty()
else:
    show(run)
    all_runs(run)
    show_import(found)
if doomed := store().get(st.session_state.get("to_delete")):
    delete_dialog(doomed)
